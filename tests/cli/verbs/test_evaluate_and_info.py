"""`causerie evaluate` and `causerie info MODEL` on a tiny model: whole tables, JSON, and every refusal."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from causerie import AutoModelForCausalLM, AutoTokenizer
from causerie.api.fit.inspection import inspect
from causerie.api.measurement.evaluation import (
    FormatQuality,
    Passage,
    dialogue_passages,
    evaluate,
    limited,
    text_passages,
)
from causerie.api.options.load_options import LoadOptions
from causerie.builtin import heldout_path
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.cli.main import main
from causerie.cli.verbs.evaluate import HEADER
from causerie.cli.verbs.evaluate import line as line_of
from causerie.errors import CauserieError, UsageError
from causerie.plan.quality import Mean, Quality
from tests.api.conftest import make_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two random layers in bfloat16, with a tokenizer and a template."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tiny")
    config = LlamaConfig(
        vocab_size=make_tokenizer(folder), hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512, tie_word_embeddings=False,
        initializer_range=0.1, bos_token_id=None, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_a_cache_is_judged(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything but the cache in float32; an unknown format is said before anything loads."""
    text = tmp_path / "text.txt"
    text.write_text("The quick brown fox jumps over the lazy dog. " * 6)
    options = ("--text", str(text), "--window", "64", "--quantization", "none", "--json")
    code, out, err = run(capsys, "evaluate", str(folder), *options, "--cache-dtype", "float32,float16,int8")
    assert code == 0 and not err
    rows = {row["format"]: row for row in json.loads(out.splitlines()[-1])["rows"]}
    assert list(rows) == ["float32", "bfloat16", "float32 cache", "float16 cache", "int8 cache"]
    assert rows["float32 cache"]["kl"] == 0 < rows["float16 cache"]["kl"] < rows["int8 cache"]["kl"] < 0.01
    code, out, err = run(capsys, "evaluate", str(folder), *options, "--cache-dtype", "int9")
    assert code == 2 and "Unknown cache dtype 'int9'" in err


def test_a_text_is_judged(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "text.txt"
    text.write_text("The quick brown fox jumps over the lazy dog. " * 12)
    options = ("--text", str(text), "--window", "64", "--backend", "torch", "--quantization", "int8,nf4", "--json")
    code, out, err = run(capsys, "evaluate", str(folder), *options)
    assert code == 0 and not err
    report = json.loads(out.splitlines()[-1])
    rows = {row["format"]: row for row in report["rows"]}
    assert list(rows) == ["float32", "bfloat16", "int8", "nf4"] and report["tokens"] > 100
    assert rows["float32"]["kl"] == 0 and rows["float32"]["same_top1"] == 1
    assert rows["bfloat16"]["kl"] > 0 and 0 < rows["int8"]["kl"] < rows["nf4"]["kl"] and rows["nf4"]["kl_error"] > 0
    assert rows["int8"]["bits_per_weight"] == pytest.approx(8.3, abs=0.1)
    assert [line.split()[0] for line in out.splitlines()[2:6]] == list(rows)
    verdicts = [rows[name]["verdict"] for name in ("int8", "nf4")]
    assert out.splitlines()[6:-1] == verdicts and verdicts[1].startswith("nf4 ")
    assert "verdict" not in rows["bfloat16"] and "verdict" not in rows["float32"]
    # The perplexity is that of the float32 model over the windows.
    tokens = AutoTokenizer.from_pretrained(folder)(text.read_text())["input_ids"]
    losses: list[float] = []
    with AutoModelForCausalLM.from_pretrained(folder, dtype="float32", backend="torch") as model:
        for start in range(0, len(tokens), 64):
            part = torch.tensor([tokens[start : start + 64]])
            if part.shape[1] > 1:
                logits = torch.as_tensor(model(part).logits)[0, :-1]
                losses += torch.nn.functional.cross_entropy(logits, part[0, 1:], reduction="none").tolist()
    assert rows["float32"]["perplexity"] == pytest.approx(float(np.exp(np.mean(losses))), rel=1e-4)


def test_answers_of_dialogues_are_judged(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    passages = list(dialogue_passages(tokenizer))
    assert len(passages) == len(Path(heldout_path()).read_text().splitlines()) > 50
    for line, passage in zip(Path(heldout_path()).read_text().splitlines()[:20], passages[:20], strict=True):
        answers = [message["content"] for message in json.loads(line) if message["role"] == "assistant"]
        judged = tokenizer.decode([passage.tokens[place] for place in passage.scored])
        assert judged == "".join(f"{answer}<|im_end|>\n" for answer in answers)
    few = limited(passages, 512, most=50)
    assert len(few) < 10
    rows = list(evaluate(str(folder), ["int4"], few, options=LoadOptions(backend="torch")))
    assert rows[0].format == "int4" and rows[0].quality.tokens == sum(len(each.scored) for each in few)


@pytest.mark.parametrize(
    ("perplexity", "error", "shown"),
    [
        (7.12341, 0.0123, "7.1234 ± 0.012"),
        (151936.4567, 1234.5678, "151936.5 ± 1234.568"),
        (2345678.9, 987654.3, "2345679 ± 987654.3"),
        (8.8e9, 1.2e8, "8.8e+09 ± 1.2e+08"),
        (12.5, float("inf"), "12.5000 ± inf"),
    ],
)
def test_large_numbers_stay_in_their_columns(perplexity: float, error: float, shown: str) -> None:
    """As random models have them: of a vocabulary of 151,936, and worse."""
    quality = Quality(5000, Mean(perplexity, error), Mean(123.45678, 98.7654321), Mean(0.0, 0.0))
    text = line_of(FormatQuality("bfloat16 cache", 10**12, 16.0, quality))
    assert len(text) == len(HEADER) and f"{shown}    " in text and "123.4568 ± 98.76543" in text
    assert text[HEADER.index("bits") + 4 :].split("±")[0].strip() == shown.split(" ±")[0]


def test_passages() -> None:
    class Words:
        def __call__(self, text: str) -> dict[str, list[int]]:
            return {"input_ids": [len(word) for word in text.split()]}

    passages = list(text_passages(Words(), "a bb ccc dddd eeeee", window=2))  # type: ignore[arg-type]
    assert passages == [Passage((1, 2), (1,)), Passage((3, 4), (1,))]
    with pytest.raises(UsageError, match="two are the least"):
        list(text_passages(Words(), "a"))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="context of 2"):
        limited(passages, 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--quantization", "int8,int7"), "Unknown quantization 'int7'.*int8"),
        (("--text", "/no/such/file"), "cannot be read"),
        (("--window", "1"), "nothing to judge"),
        (("--tokens", "0"), "less than 1"),
    ],
)
def test_refusals_before_anything_loads(
    options: tuple[str, str], words: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "model.safetensors").write_bytes(b"")
    code, out, err = run(capsys, "evaluate", str(broken), *options)
    assert code == 2 and not out and re.search(words, err)


def test_who_could_guess_for_a_model(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As it is with the model loaded; in few bits there is no shadow."""
    pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")
    report = json.loads(run(capsys, "info", str(folder), "--json")[1])
    assert list(report["speculation"]) == ["lookup", "chats", "shadow"] and report["speculation"]["chats"] == 0
    loading: dict[str, Any] = {"backend": "native", "progress": False}
    with AutoModelForCausalLM.from_pretrained(folder, speculation="shadow", **loading) as model:
        assert model.drafters == tuple(report["speculation"])
        shadow = model.step_model.shadow
        assert shadow is not None
        assert 0.8 < report["speculation"]["shadow"] / shadow.weight_bytes <= 1  # kernels pad small matrices
    with AutoModelForCausalLM.from_pretrained(folder, speculation="off", **loading) as model:
        assert model.drafters == ()
    _, out, _ = run(capsys, "info", str(folder), "--quantization", "int4")
    assert "speculation     lookup, chats\n" in out


def test_a_model_before_it_is_loaded(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "info", str(folder), "--json", "--quantization", "int4")
    report = json.loads(out)
    assert code == 0 and report["family"] == "llama" and report["dtype"] == "bfloat16"
    kinds = {part["kind"]: part for part in report["weights"]}
    assert list(kinds) == ["embedding", "attention", "feed-forward", "head", "norms and biases"]
    assert {part["format"] for kind, part in kinds.items() if "norm" not in kind} == {"int4"}
    with AutoModelForCausalLM.from_pretrained(folder, quantization="int4", backend="torch") as model:
        assert report["bytes"] == model.get_memory_footprint() and report["parameters"] == model.num_parameters()
    code, out, _ = run(capsys, "info", str(folder))
    lines = out.splitlines()
    assert lines[2] == "family          llama, 2 layers, context 512"
    assert lines[-1].split()[0] == "together" and lines[-1].split()[-1] == "16.00"
    assert lines[6] == "cache           2 layers keep 256 bytes per token"
    assert lines[10].split() == ["embedding", "bfloat16", "0.02", "M", "0.05", "MB", "16.00"]


def test_layers_that_keep_a_window_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=64, hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, use_sliding_window=True, sliding_window=100,
        max_window_layers=1,
    )  # fmt: skip
    Qwen2ForCausalLM(config).save_pretrained(tmp_path)
    code, out, _ = run(capsys, "info", str(tmp_path))
    assert code == 0 and out.splitlines()[6:8] == [
        "cache           1 layer keeps 256 bytes per token",
        "                2 layers keep 512 bytes for each of the last 100 tokens, 0.05 MB in all",
    ]
    code, out, _ = run(capsys, "info", str(tmp_path), "--json")
    assert json.loads(out)["cache"] == {
        "dtype": "float32",
        "bytes_per_token": 768,
        "pages": [
            {"layers": 1, "latent_layers": 0, "window": None, "bytes_per_token": 256},
            {"layers": 2, "latent_layers": 0, "window": 100, "bytes_per_token": 512},
        ],
        "slots": {"layers": 0, "bytes_per_chat": 0},
    }


def test_a_saved_model_says_what_it_holds(folder: Path, tmp_path: Path) -> None:
    with AutoModelForCausalLM.from_pretrained(folder, quantization="int8", backend="torch") as model:
        model.save_pretrained(tmp_path, progress=False)
    saved, asked = inspect(str(tmp_path)), inspect(str(folder), LoadOptions.read(quantization="int8"))
    with SafetensorsIndex.open(tmp_path) as index:
        factors = sum(index.info(name).nbytes for name in index.names() if name.endswith(".factors"))
    assert saved.parts == asked.parts and saved.stored_bytes == saved.nbytes + factors > saved.nbytes
    assert main(["bench", str(tmp_path), "--prompt", "8", "--generate", "0", "--repeat", "1"]) == 0
    assert main(["evaluate", str(tmp_path)]) == 2
    with pytest.raises(CauserieError, match="quantized already"):
        inspect(str(tmp_path), LoadOptions.read(quantization="int4"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("info", "--quantization", "int4"), "name one"),
        (("info", "builtin", "--devices"), "of this machine"),
        (("info", "builtin", "--probe"), "causerie info --probe"),
        (("info", "/no/such/folder"), "folder"),
    ],
)
def test_refusals_of_info(words: tuple[str, ...], sentence: str, capsys: Any) -> None:
    code, out, err = run(capsys, *words)
    assert code in (1, 2) and not out and sentence in err


def test_info_tells_what_was_measured(tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUSERIE_CACHE", str(tmp_path))
    code, out, _ = run(capsys, "info")
    assert code == 0 and "not yet; causerie info --probe does it" in out and not list(tmp_path.iterdir())
    code, out, _ = run(capsys, "info", "--probe", "--json")
    first = json.loads(out)
    assert code == 0 and [file.name for file in tmp_path.iterdir()] == ["machine.json"]
    assert first["measured"]["file"] == str(tmp_path / "machine.json") and first["downloads"]["free_bytes"] > 0
    span = first["measured"]["bandwidth"]
    assert 0 < span["low"] <= span["usual"] <= span["high"]
    code, out, _ = run(capsys, "info")
    assert f"memory {span['usual'] / 1e9:.0f} GB/s" in out and f"on {first['measured']['on']}" in out
