"""A GGUF file is a model wherever a name of one is taken, and answers as the folder of the same numbers does. Which of
several files is meant is not guessed."""

from __future__ import annotations

import gc
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causerie import AutoConfig, AutoModelForCausalLM, AutoTokenizer, pipeline
from causerie.api import model_with_tokenizer
from causerie.api.causal_lm import CausalLM
from causerie.api.fit.inspection import inspect
from causerie.api.loading.load import open_model
from causerie.api.loading.preparing import prepare_model
from causerie.api.model_with_tokenizer import open_with_tokenizer
from causerie.api.options.load_options import LoadOptions
from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer
from causerie.errors import CauserieError, CheckpointError, MissingFile, ModelNotFound, UsageError
from tests.api.conftest import SPECIAL, TEMPLATE
from tests.checkpoint.gguf_files import ARRAY, BOOL, FLOAT32, INT32, STRING, UINT32, UINT64, entry
from tests.quant.gguf_models import Twin, tokenizer_entries, write_twins

CHAT = [{"role": "user", "content": "Hello, how are you today?"}]
KINDS = {"token_embd": "Q6_K", "attn_q": "Q4_K", "ffn_down": "Q5_K", "attn_v": "IQ4_XS", "attn_output": "F16"}


@pytest.fixture(scope="module")
def twin(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Twin:
    """A file with the tokenizer of the tiny folder, and a folder with both its numbers and that tokenizer."""
    stored = json.loads((folder / "tokenizer.json").read_text())
    vocab = stored["model"]["vocab"]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in stored["model"]["merges"]]
    more = tokenizer_entries(vocab, merges, SPECIAL, TEMPLATE)
    made = write_twins(tmp_path_factory.mktemp("gguf"), KINDS, vocab=len(vocab), more=more)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(folder / name, made.folder / name)
    return made


def greedy(name: str | Path, **options: object) -> str:
    pipe = pipeline("text-generation", str(name), model_kwargs={"progress": False, **options})
    return str(pipe(CHAT, max_new_tokens=12, do_sample=False)[0]["generated_text"][-1]["content"])


def test_tokenizer_and_ends_are_the_file_s(twin: Twin) -> None:
    ours, theirs = AutoTokenizer.from_pretrained(twin.file), AutoTokenizer.from_pretrained(twin.folder)
    assert len(ours) == len(theirs) and ours.eos_token == theirs.eos_token == "<|im_end|>"
    assert ours.pad_token == theirs.pad_token
    both = [each.apply_chat_template(CHAT, add_generation_prompt=True)["input_ids"] for each in (ours, theirs)]
    assert both[0] == both[1]
    model = AutoModelForCausalLM.from_pretrained(twin.file, progress=False)
    assert ours.eos_token_id in model.generation_config.to_dict()["eos_token_id"]
    assert model.generation_config.pad_token_id == ours.pad_token_id
    assert model.tokenizer.name_or_path == str(twin.file)


def test_model_and_tokenizer_are_opened_together(twin: Twin) -> None:
    for place in (twin.file, twin.folder):
        checked: list[ChatTokenizer] = []
        model, tokenizer = open_with_tokenizer(str(place), LoadOptions(), checked.append, progress=False)
        assert checked == [tokenizer] and gc.isenabled()
        expected = AutoTokenizer.from_pretrained(place)
        assert tokenizer("Hello, how are you?") == expected("Hello, how are you?")
        assert model.name_or_path == str(place)
        model.close()


def test_what_a_check_refuses_of_the_tokenizer_opens_no_model(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[CausalLM] = []

    def kept(*words: Any, **more: Any) -> CausalLM:
        opened.append(open_model(*words, **more))
        return opened[-1]

    def check(tokenizer: ChatTokenizer) -> None:
        raise UsageError(f"{tokenizer.name_or_path} will not do.")

    monkeypatch.setattr(model_with_tokenizer, "open_model", kept)
    for place in (twin.file, twin.folder):
        with pytest.raises(UsageError, match="will not do"):
            open_with_tokenizer(str(place), LoadOptions(), check, progress=False)
    assert gc.isenabled()
    for model in opened:  # one that was open before the tokenizer was made was closed
        with pytest.raises(CauserieError, match="closed"):
            model.stream([1])


def test_answers_are_those_of_the_numbers(twin: Twin) -> None:
    """The folder's matrices are plain numbers; on torch in float32 both are computed with the same ones."""
    options = {"backend": "torch", "dtype": "float32"}
    assert greedy(twin.file, **options) == greedy(twin.folder, **options) != ""


def test_config_is_the_file_s(twin: Twin) -> None:
    config = AutoConfig.from_pretrained(twin.file)
    assert config.model_type == "llama" and config.hidden_size == 256 and config.name_or_path == str(twin.file)
    with AutoModelForCausalLM.from_pretrained(twin.file, progress=False) as model:
        assert model.config.num_hidden_layers == 2


def test_what_a_file_advises_is_what_is_generated_with(tmp_path: Path) -> None:
    advice = [
        entry("general.sampling.temp", FLOAT32, 0.6),
        entry("general.sampling.top_k", INT32, 20),
        entry("general.sampling.penalty_repeat", FLOAT32, 1.05),
        entry("general.sampling.top_p", FLOAT32, 7.0),
    ]
    made = write_twins(tmp_path, {}, layers=1, more=advice)
    with pytest.warns(UserWarning, match=r"model\.gguf: top_p.* Left out"):
        model = AutoModelForCausalLM.from_pretrained(made.file, progress=False)
    assert model.generation_config.to_dict() == {"temperature": 0.6, "top_k": 20, "repetition_penalty": 1.05}


def test_names_of_a_file(twin: Twin, tmp_path: Path) -> None:
    own = greedy(twin.file)
    (tmp_path / "one").mkdir()
    shutil.copyfile(twin.file, tmp_path / "one" / "m-Q4_K_M.gguf")
    assert greedy(tmp_path / "one") == own
    for name in ("m-Q8_0.gguf", "mmproj-F16.gguf"):
        shutil.copyfile(twin.file, tmp_path / "one" / name)
    with pytest.raises(
        MissingFile, match=r"several models as GGUF: m-Q4_K_M\.gguf, m-Q8_0\.gguf\. Say which: .*:Q4_K_M"
    ):
        greedy(tmp_path / "one")
    with pytest.warns(UserWarning, match=r"mmproj-F16\.gguf is what the model sees or hears with; left out"):
        assert greedy(f"{tmp_path / 'one'}:Q4_K_M") == own
        model = AutoModelForCausalLM.from_pretrained(tmp_path / "one", gguf_file="m-Q8_0.gguf", progress=False)
        assert model.config.folder == tmp_path / "one" / "m-Q8_0.gguf"
        assert len(AutoTokenizer.from_pretrained(tmp_path / "one", gguf_file="m-Q8_0.gguf"))


def test_what_is_no_model_says_so(twin: Twin, tmp_path: Path) -> None:
    shutil.copyfile(twin.file, tmp_path / "mmproj-F16.gguf")
    for name, options, error, why in (
        (tmp_path / "mmproj-F16.gguf", {}, UsageError, "sees or hears with, and no model by itself"),
        (tmp_path, {}, MissingFile, r"no GGUF file of a model; mmproj-F16\.gguf is what a multimodal"),
        (tmp_path / "absent.gguf", {}, ModelNotFound, r"There is no file .*absent\.gguf"),
        (twin.file, {"gguf_file": "model.gguf"}, UsageError, r"gguf_file='model\.gguf' of"),
        (twin.folder, {"gguf_file": "model"}, UsageError, "expected a .gguf file of a folder"),
        (
            twin.file.parent,
            {"gguf_file": "other.gguf"},
            MissingFile,
            r"no GGUF file 'other\.gguf'\. Did you mean model",
        ),
    ):
        with pytest.raises(error, match=why):
            AutoModelForCausalLM.from_pretrained(name, progress=False, **options)
    with pytest.raises(UsageError, match="is quantized already, as IQ4_XS"):
        AutoModelForCausalLM.from_pretrained(twin.file, quantization="int4", progress=False)


@pytest.mark.parametrize("prepared", [False, True])
def test_a_saved_model_answers_alike(twin: Twin, tmp_path: Path, prepared: bool) -> None:
    with AutoModelForCausalLM.from_pretrained(twin.file, progress=False) as model:
        model.save_pretrained(tmp_path / "saved", prepared=prepared)
    assert greedy(tmp_path / "saved") == greedy(twin.file)
    before, after = (inspect(str(name)) for name in (twin.file, tmp_path / "saved"))
    assert (
        {part.format for part in before.parts}
        == {part.format for part in after.parts}
        >= {"q6_k", "float32", "float16"}
    )
    assert [part.parameters for part in before.parts] == [part.parameters for part in after.parts]
    tokens = [
        AutoTokenizer.from_pretrained(name)("Hello <|im_end|>")["input_ids"] for name in (twin.file, tmp_path / "saved")
    ]
    assert tokens[0] == tokens[1]


def test_preparing_and_inspecting_take_files(twin: Twin, tmp_path: Path) -> None:
    prepare_model(str(twin.file), tmp_path / "prepared", LoadOptions(), progress=False)
    assert greedy(tmp_path / "prepared") == greedy(twin.file)
    told = inspect(str(twin.file))
    assert told.folder == twin.file and sum(part.parameters for part in told.parts) > 10**6


def test_a_model_of_plain_numbers_can_be_quantized(tmp_path: Path) -> None:
    plain = write_twins(tmp_path, {}, default="F16")
    model = AutoModelForCausalLM.from_pretrained(plain.file, quantization="int4", progress=False)
    assert model.step_model.quantization == "int4"
    with pytest.raises(CheckpointError, match=r"model\.gguf: tokenizer\.ggml\.model is missing"):
        len(model.tokenizer)


NUMBERS = [(UINT32, number) for number in (0, 1, 2, 3, 7, 4097, 100000, 2**31)]
EDGES: list[tuple[int, Any]] = [
    *NUMBERS,
    (INT32, -1),
    (UINT64, 2**62),
    *((FLOAT32, number) for number in (-1.0, 0.0, 1.5, 1e-40, 3e38)),
    (STRING, ""),
    (STRING, "8"),
    (BOOL, True),
    (ARRAY, (INT32, [])),
    (ARRAY, (INT32, [0, -1, 3])),
    (ARRAY, (FLOAT32, [1e30, -1.0])),
    (ARRAY, (STRING, ["a", "b"])),
]


def test_wrong_metadata_ends_in_a_model_or_in_an_error_of_ours(twin: Twin, tmp_path: Path) -> None:
    """Through config, names, weights and tokenizer: entries become others, or go, and everything is opened."""
    draw, outcomes, path = np.random.default_rng(0), {"good": 0, "refused": 0}, tmp_path / "mutant.gguf"
    for _ in range(200):
        entries = list(twin.contents.entries)
        for _ in range(int(draw.integers(1, 3))):
            place = int(draw.integers(0, len(entries)))
            length = int.from_bytes(entries[place][:8], "little")
            edge = int(draw.integers(0, len(EDGES) + 3))
            if edge < len(EDGES):
                entries[place] = entry(entries[place][8 : 8 + length], *EDGES[edge])
            else:
                del entries[place]
        replace(twin.contents, entries=entries).write(path)
        try:
            inspect(str(path))
            AutoTokenizer.from_pretrained(path)("Hello there")
            outcomes["good"] += 1
        except CauserieError as error:
            assert len(str(error)) < 2000
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 20
