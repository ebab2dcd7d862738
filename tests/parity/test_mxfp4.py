"""gpt-oss as it is published: experts in MXFP4, the rest plain. transformers, which dequantizes it here, is the judge
of the values; quantizing a plain checkpoint of the same values is that of the native backend, to the last bit."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie import AutoModelForCausalLM
from causerie.api.fit.inspection import inspect
from causerie.backends.ops import Backend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.cli.main import main
from causerie.errors import Unsupported, UsageError, WeightFileError
from causerie.loading.load import load_model, survey
from causerie.models.config import read_config
from causerie.plan.measure import Trial
from causerie.plan.rounds import MeasuredModel
from causerie.plan.speed import step_work
from causerie.quant.config import QuantConfig
from causerie.quant.formats import MXFP4
from causerie.quant.mxfp4 import Mxfp4Encoder
from tests.parity.cases import CASES, PROMPT, Case
from tests.parity.harness import (
    backend_or_none,
    greedy,
    load,
    prompt_logits,
    reference,
    reference_greedy,
    reference_logits,
    room_for,
    save_case,
    some_tokens,
)

(_PLAIN,) = (case for case in CASES if case.name == "gpt-oss")
CASE = Case("gpt-oss, widths of whole groups", "gpt_oss", _PLAIN.values | {"hidden_size": 64, "intermediate_size": 96})
PUBLISHED = {
    "modules_to_not_convert": [
        "model.layers.*.self_attn",
        "model.layers.*.mlp.router",
        "model.embed_tokens",
        "lm_head",
    ],
    "quant_method": "mxfp4",
}
IDS = some_tokens(PROMPT, 3)
BLOCKS, SCALES = "model.layers.1.mlp.experts.gate_up_proj_blocks", "model.layers.1.mlp.experts.gate_up_proj_scales"
Tensors = dict[str, NDArray[Any]]


def tensors_of(folder: Path) -> Tensors:
    with SafetensorsIndex.open(folder) as index:
        return {name: index.read(name) for name in index.names()}


def written(folder: Path, target: Path, tensors: Tensors, **config: Any) -> Path:
    shutil.copytree(folder, target)
    write_safetensors(target / "model.safetensors", tensors)
    (target / "config.json").write_text(json.dumps(read_config(folder) | config))
    return target


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """As published, and a plain checkpoint of the same values."""
    home = tmp_path_factory.mktemp("mxfp4")
    folder = save_case(CASE, home / "model")
    packed, plain = tensors_of(folder), tensors_of(folder)
    for name in [name for name in plain if name.endswith(("gate_up_proj", "down_proj"))]:
        stack, encoder = packed.pop(name).swapaxes(1, 2), Mxfp4Encoder()  # outputs by inputs, as blocks have them
        experts, rows, width = stack.shape
        arrays = encoder.encode(stack.reshape(-1, width))
        packed[f"{name}_blocks"] = arrays["codes"].reshape(experts, rows, width // 32, 16)
        packed[f"{name}_scales"] = arrays["scale"].reshape(experts, rows, width // 32)
        values = MXFP4.decode(arrays, (experts * rows, width)).reshape(stack.shape)
        plain[name] = np.ascontiguousarray(values.swapaxes(1, 2))
    published = written(folder, home / "published", packed, quantization_config=PUBLISHED)
    return published, written(folder, home / "plain", plain)


@pytest.fixture
def published(folders: tuple[Path, Path]) -> Path:
    return folders[0]


def logits_of(folder: Path, backend: str, **options: Any) -> NDArray[Any]:
    model = AutoModelForCausalLM.from_pretrained(folder, backend=backend, **options)
    logits = np.asarray(model([IDS]).logits)
    model.close()
    return logits


def test_logits_and_text_are_those_of_transformers(folders: tuple[Path, Path]) -> None:
    """On the torch backend, whose activations are as they are; both checkpoints."""
    torch_backend = backend_or_none("torch")
    assert torch_backend is not None
    judge = reference(folders[0])
    expected, text = reference_logits(judge, IDS), reference_greedy(judge, IDS)
    for folder in folders:
        model = load(folder, torch_backend)
        np.testing.assert_allclose(prompt_logits(model, [IDS])[0], expected, atol=1e-4)
        assert greedy(model, [IDS]) == [text]
    assert np.abs(reference_logits(reference(folders[1]), IDS) - expected).max() < 1e-4


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_it_is_what_quantizing_the_same_values_gives(backend: str, folders: tuple[Path, Path]) -> None:
    """They are values of the format already, so that quantizing loses nothing."""
    published, plain = folders
    quantized = QuantConfig("mxfp4", skip=("model.layers.*.self_attn",))
    ours = logits_of(published, backend)
    np.testing.assert_array_equal(logits_of(plain, backend, quantization=quantized), ours)
    exact = logits_of(plain, "torch")
    assert np.sqrt(np.square(ours - exact).mean()) < 0.02 * exact.std()  # activations in 8 bits


def test_it_is_the_same_in_chunks_and_in_company(backend: Backend, published: Path) -> None:
    model = load(published, backend)
    others = [some_tokens(11, 4), some_tokens(23, 5)]
    alone = [prompt_logits(model, [ids])[0] for ids in (IDS, *others)]
    for chunk in (None, 1, 7):
        together = prompt_logits(model, [IDS, *others], chunk)
        for one, expected in zip(together, alone, strict=True):
            np.testing.assert_allclose(one, expected, atol=0 if backend.name == "native" else 2e-5)


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_a_saved_model_is_the_same(backend: str, published: Path, tmp_path: Path) -> None:
    expected = logits_of(published, backend)
    model = AutoModelForCausalLM.from_pretrained(published, backend=backend)
    model.save_pretrained(tmp_path / "saved")
    if backend == "native":
        model.save_pretrained(tmp_path / "prepared", prepared=True)
        np.testing.assert_array_equal(logits_of(tmp_path / "prepared", backend), expected)
    model.close()
    np.testing.assert_array_equal(logits_of(tmp_path / "saved", backend), expected)
    with pytest.raises(UsageError, match="quantized already, by mxfp4"):
        logits_of(published, backend, quantization="int8")


def test_four_and_a_quarter_bits(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with SafetensorsIndex.open(published) as index:
        surveyed = survey(index, read_config(published))
        assert surveyed.nbytes == index.nbytes and surveyed.quantization == "mxfp4"
    assert main(["info", str(published), "--json"]) == 0
    (experts,) = (part for part in json.loads(capsys.readouterr().out)["weights"] if part["format"] == "mxfp4")
    assert (experts["kind"], experts["bits_per_weight"]) == ("feed-forward", 4.25)
    assert main(["info", str(published)]) == 0
    assert "mxfp4" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({SCALES: None}, r"gate_up_proj_scales' is missing"),
        ({BLOCKS: None}, r"layers\.1\.mlp\.experts\.gate_up_proj_blocks' is missing"),
        ({BLOCKS: lambda a: a[:, :, :, :8]}, r"U8 \(5, 192, 2, 8\), and U8 \(5, 192, 2, 16\)"),
        ({BLOCKS: lambda a: a.swapaxes(1, 2).copy()}, r"gate_up_proj_scales' is U8 \(5, 192, 2\)"),
        ({BLOCKS: lambda a: a[:4]}, r"\(4, 192, 2, 16\), and U8 \(5, 192, 2, 16\) is expected"),
        ({BLOCKS: lambda a: np.concatenate([a, a])}, r"U8 \(10, 192, 2, 16\), and U8 \(5,"),
        ({SCALES: lambda a: a.astype(np.int8)}, "is I8"),
        ({"model.layers.1.mlp.experts.side_blocks": np.zeros(4, np.uint8)}, "side_blocks.*no place"),
    ],
)
def test_a_checkpoint_of_another_kind_is_refused(
    changes: dict[str, Any], message: str, published: Path, tmp_path: Path
) -> None:
    tensors = tensors_of(published)
    for name, change in changes.items():
        if callable(change):
            tensors[name] = change(tensors[name])
        elif change is None:
            del tensors[name]
        else:
            tensors[name] = change
    torch_backend = backend_or_none("torch")
    assert torch_backend is not None
    with pytest.raises(WeightFileError, match=message):
        load(written(published, tmp_path / "other", tensors), torch_backend)


def test_other_ways_are_named(published: Path) -> None:
    config = read_config(published) | {"quantization_config": PUBLISHED | {"quant_method": "quark"}}
    message = "by 'quark'; causerie, bitsandbytes, mxfp4, .* are read here"
    with SafetensorsIndex.open(published) as index, pytest.raises(Unsupported, match=message):
        survey(index, config)


@pytest.mark.parametrize(("which", "quantization"), [("published", None), ("plain", None), ("plain", "int8")])
def test_each_tensor_is_read_once(
    which: str, quantization: str | None, backend: Backend, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small the slices are in which matrices are placed that lie turned over and take turns."""
    for module in ("native.builder", "torch.backend"):
        monkeypatch.setattr(f"causerie.backends.{module}.SLICE_BYTES", 2**10)
    monkeypatch.setattr("causerie.loading.quantize.PART", 2**9)
    read: Counter[str] = Counter()
    unwatched = SafetensorsIndex.read_into

    def watched(index: SafetensorsIndex, name: str, out: NDArray[Any], *rest: Any) -> None:
        read[name] += out.nbytes
        unwatched(index, name, out, *rest)

    monkeypatch.setattr(SafetensorsIndex, "read_into", watched)
    folder = folders[which == "plain"]
    with SafetensorsIndex.open(folder) as index:
        load_model(
            index,
            read_config(folder),
            backend=backend,
            size_cache=lambda spec, held: room_for(spec, backend.block_size, "float32"),
            quantization=None if quantization is None else QuantConfig.named(quantization),
            workers=2,
        )
        assert read == {name: index.info(name).nbytes for name in index.names()}


def test_a_step_reads_few_bits_of_few_experts(published: Path) -> None:
    """What `bench` sets a step's time against is what `info` says that a token reads, though formats are mixed."""
    inspection = inspect(str(published))
    model = AutoModelForCausalLM.from_pretrained(published, backend="torch").step_model
    assert 0 < model.expert_bytes < model.weight_bytes
    measured = MeasuredModel(
        model.spec, model.weight_bytes, "mxfp4", model.format, "float32", 16, expert_bytes=model.expert_bytes
    )
    work, _ = measured.steps(Trial("decode", 1))
    cache = step_work(model.spec, 0, ("mxfp4", "float32"), rows=1, depth=0, sequences=1, outputs=1, expert_bytes=0)
    assert work.bytes - cache.bytes == pytest.approx(inspection.read_bytes, abs=1)
