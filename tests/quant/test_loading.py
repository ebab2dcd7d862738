"""Quantized models: held as their formats say, computed as their dequantized values would be, saved and loaded again
without a difference."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from causerie.backends.torch.backend import TorchBackend, TorchBuilder
from causerie.backends.torch.packed import QuantizedMatrix
from causerie.checkpoint.expression import Tensor
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.errors import ConfigError, UnknownName, Unsupported, UsageError, WeightFileError
from causerie.loading.load import survey
from causerie.loading.prepare import write_loaded
from causerie.loading.quantize import Quantizer
from causerie.loading.save import write_config, write_weights
from causerie.loading.workers import Workers
from causerie.models.config import read_config
from causerie.quant.config import QuantConfig
from causerie.quant.encoders import ENCODERS, encoder_named
from causerie.quant.formats import QUANTIZED
from causerie.spec.decoder import Decoder
from tests.parity.harness import backend_or_none, prompt_logits, some_tokens
from tests.quant.conftest import loaded, tensors

OWN = ("int8", "int4")


class RecordingBuilder(TorchBuilder):
    """Keeps what was placed in `weights`."""

    weights: dict[str, Any]

    def place_quantized(self, name: str, *rest: Any) -> Any:
        weight = self.weights[name] = super().place_quantized(name, *rest)
        return weight


class Recording(TorchBackend):
    """The torch backend, which keeps what was placed."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: dict[str, Any] = {}

    def builder(self, spec: Decoder, formats: Mapping[str, str]) -> TorchBuilder:
        made = RecordingBuilder(self.device, spec, formats)
        made.weights = self.weights
        return made


def dequantized(folder: Path, target: Path, quantization: QuantConfig) -> Path:
    """A plain float32 checkpoint whose matrices are what the quantized ones stand for."""
    shutil.copytree(folder, target)
    values = tensors(folder)
    with SafetensorsIndex.open(folder) as index:
        found = survey(index, read_config(folder), quantization=quantization)
    for source in found.sources:
        encoder = ENCODERS.get(found.formats[source.weight.name])
        if encoder is not None:
            rows = values[source.key]
            arrays = encoder.encode(rows, encoder.constant([rows]))
            values[source.key] = encoder.format.decode(arrays, rows.shape)
    write_safetensors(target / "model.safetensors", values)
    return target


@pytest.mark.parametrize("format", ENCODERS)
def test_torch_dequantizes_to_the_last_bit(format: str, untied: Path) -> None:
    backend = Recording()
    loaded(untied, QuantConfig(format, format, format), backend)
    values = tensors(untied)
    packed = backend.weights
    assert set(packed) >= {"embed", "head", "layers.1.ffn.down"}
    for name, tensor in (("head", "lm_head"), ("layers.1.ffn.down", "model.layers.1.mlp.down_proj")):
        matrix, rows = packed[name].data, values[f"{tensor}.weight"]
        assert isinstance(matrix, QuantizedMatrix)
        encoder = ENCODERS[format]
        expected = encoder.format.decode(encoder.encode(rows, encoder.constant([rows])), rows.shape)
        some = torch.tensor([5, 0, rows.shape[0] - 1, 5])
        assert np.array_equal(matrix.rows(some).numpy(), expected[some.numpy()])


@pytest.mark.parametrize("format", ENCODERS)
@pytest.mark.parametrize("model", ["tied", "untied"])
def test_logits_are_those_of_the_dequantized_weights(
    format: str, model: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(model)
    chosen = QuantConfig.named(format)
    quantized = loaded(folder, format)
    plain = loaded(dequantized(folder, tmp_path / "plain", chosen))
    assert quantized.quantization == format and quantized.format == "float32" and plain.quantization is None
    prompt = some_tokens(20)
    ours, expected = (prompt_logits(each, [prompt])[0] for each in (quantized, plain))
    np.testing.assert_allclose(ours, expected, atol=2e-5)


def test_which_matrices_are_quantized(untied: Path, tied: Path) -> None:
    def formats(folder: Path, quantization: QuantConfig) -> dict[str, str]:
        with SafetensorsIndex.open(folder) as index:
            return dict(survey(index, read_config(folder), quantization=quantization).formats)

    own = formats(untied, QuantConfig.named("int4"))
    assert {name for name, format in own.items() if format != "int4"} == {name for name in own if "norm" in name}
    theirs = formats(untied, QuantConfig.named("nf4"))
    assert theirs["embed"] == theirs["head"] == "float32" and theirs["layers.0.mixer.q"] == "nf4"
    assert formats(tied, QuantConfig.named("nf4"))["embed"] == "float32"
    # A list of modules to skip replaces the default, which is the head.
    listed = formats(
        untied, QuantConfig("nf4", head="nf4", skip=("model.layers.0", "down_proj", "model.layers.*.k_proj"))
    )
    assert listed["head"] == listed["layers.1.mixer.q"] == "nf4"
    plain = {"layers.0.mixer.q", "layers.0.ffn.up", "layers.1.ffn.down", "layers.1.mixer.k", "embed"}
    assert {listed[name] for name in plain} == {"float32"}


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("format", ENCODERS)
def test_a_saved_model_is_the_same(format: str, backend: str, untied: Path, tmp_path: Path) -> None:
    config = read_config(untied)
    with SafetensorsIndex.open(untied) as index:
        found = survey(index, config, quantization=QuantConfig(format, format, format))
        write_weights(found, index, tmp_path / "model.safetensors", workers=2)
    write_config(found, config, tmp_path / "config.json")
    with SafetensorsIndex.open(tmp_path) as index:
        assert index.nbytes == found.nbytes
    first = loaded(untied, QuantConfig(format, format, format), backend_or_none(backend))
    second = loaded(tmp_path, None, backend_or_none(backend))
    assert second.quantization == format and first.weight_bytes == second.weight_bytes
    prompt = some_tokens(9)
    assert np.array_equal(prompt_logits(first, [prompt])[0], prompt_logits(second, [prompt])[0])
    with pytest.raises(UsageError, match="quantized already"):
        loaded(tmp_path, "int4")


def test_workers_and_slices_change_nothing(untied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = some_tokens(9)
    expected = prompt_logits(loaded(untied, QuantConfig("nf4_double", "int4", "int8")), [prompt])[0]
    monkeypatch.setattr("causerie.loading.quantize.PART", 2**9)
    monkeypatch.setattr("causerie.backends.torch.backend.SLICE_BYTES", 2**12)
    monkeypatch.setattr("causerie.backends.torch.packed.CHUNK", 2**10)
    reports: list[int] = []
    model = loaded(
        untied,
        QuantConfig("nf4_double", "int4", "int8"),
        workers=3,
        progress=lambda done, total, name: reports.append(done),
    )
    np.testing.assert_allclose(prompt_logits(model, [prompt])[0], expected, atol=2e-5)
    assert reports == sorted(reports) and reports[-1] == sum(array.nbytes for array in tensors(untied).values())


@pytest.mark.parametrize("chosen", [QuantConfig("int8", "int8", "int8"), QuantConfig("nf4")])
@pytest.mark.parametrize("form", ["reference", "prepared"])
def test_writing_tells_how_far_it_is(form: str, chosen: QuantConfig, untied: Path, tmp_path: Path) -> None:
    """After each matrix by the bytes of the checkpoint up to its end; what is plain is not told one by one."""
    told: list[tuple[int, int, str]] = []
    sizes = {key: array.nbytes for key, array in tensors(untied).items()}
    total = sum(sizes.values())
    with SafetensorsIndex.open(untied) as index:
        known = survey(index, read_config(untied), quantization=chosen)
        matrices = {name for name, format in known.formats.items() if format in QUANTIZED}
        if form == "prepared":
            kernels = loaded(untied, chosen, backend_or_none("native")).kernel_matrices()
            matrices = set(kernels.matrices)
            write_loaded(known, index, kernels, tmp_path / "weights", lambda *report: told.append(report))
        else:
            write_weights(known, index, tmp_path / "weights", progress=lambda *report: told.append(report))
            assert told.pop() == (total, total, "")
    expected = [source.key for source in known.sources if source.weight.name in matrices]
    ends = {key: done for done, _, key in told}
    assert list(ends) == expected and {each for _, each, _ in told} == {total}
    assert list(ends.values()) == list(np.cumsum([sizes[key] for key in expected]))


def test_workers_end_with_their_block() -> None:
    with Workers(3) as workers:
        assert list(workers.map(abs, [-1, 2, -3])) == [1, 2, 3]
        named = [thread for thread in threading.enumerate() if thread.name.startswith("checkpoint")]
        assert 1 <= len(named) <= 3
    assert not any(thread.is_alive() for thread in named)


@pytest.mark.parametrize("format", ENCODERS)
def test_no_more_is_read_at_once_than_was_meant(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many elements, or the fewest rows that the format can encode alone."""
    known, rows = QUANTIZED[format], np.random.default_rng(3).normal(size=(48, 96 if "fp4" in format else 128))
    read: list[int] = []

    class Index:
        def read(self, name: str, part: slice, *_: object) -> NDArray[Any]:
            read.append(len(rows[part]))
            return rows[part].astype(np.float32)

    width = rows.shape[1]
    for most in (1, 5 * width):
        monkeypatch.setattr("causerie.loading.quantize.PART", most)
        read.clear()
        reader = Quantizer(cast(Any, Index()), Workers(1)).reader(
            Tensor("w"), rows.shape, "float32", encoder_named(format), lambda done: None
        )
        reader(0, 48)
        assert max(read) <= max(known.row_step(width), most // width)


def test_parts_of_a_fused_matrix_that_are_held_differently_are_saved_alone(tmp_path: Path) -> None:
    from tests.parity.cases import CASES
    from tests.parity.harness import save_case

    case = next(case for case in CASES if case.family == "phi3")
    folder = save_case(replace(case, changes=case.changes | {"intermediate_size": 128}), tmp_path / "fused")
    config, saved = read_config(folder), tmp_path / "saved"
    saved.mkdir()
    with SafetensorsIndex.open(folder) as index:
        known = survey(index, config, quantization=QuantConfig.named("int8"))
        plain = [name for name in known.formats if name.endswith((".k", ".up"))]
        known = replace(known, formats={**known.formats, **dict.fromkeys(plain, known.plain)})
        write_weights(known, index, saved / "model.safetensors")
        alone = {source.key for source in known.sources if source.weight.name in plain}
    write_config(known, config, saved / "config.json")
    assert plain and alone < tensors(saved).keys() and not alone & tensors(folder).keys()
    prompt = some_tokens(9)
    before, after = (prompt_logits(loaded(each), [prompt])[0] for each in (folder, saved))
    assert 0 < np.sqrt(np.square(after - before).mean()) < 0.1 * before.std()


@pytest.mark.parametrize("format", ["float32", *ENCODERS])
def test_no_more_is_placed_at_once_than_was_meant(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many bytes as float32, or the fewest rows that can be placed alone."""
    rows = np.random.default_rng(3).normal(size=(48, 128)).astype(np.float32)
    builder = TorchBackend().builder(cast(Any, SimpleNamespace(weights=tuple)), {"w": format})
    placed: list[int] = []

    def read(start: int, stop: int) -> Any:
        placed.append(stop - start)
        if format == "float32":
            return rows[start:stop]
        encoder = encoder_named(format)
        return encoder.encode(rows[start:stop], encoder.constant([rows]))

    least = 1 if format == "float32" else QUANTIZED[format].row_step(128)
    for most in (1, 5 * 128 * 4):
        monkeypatch.setattr("causerie.backends.torch.backend.SLICE_BYTES", most)
        placed.clear()
        if format == "float32":
            builder.place("w", (48, 128), read, format)
        else:
            builder.place_quantized("w", (48, 128), format, read)
        assert sum(placed) == 48 and max(placed) == min(48, max(least, most // 512 // least * least))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_what_cannot_be_quantized_is_named(bad: float, untied: Path, tmp_path: Path) -> None:
    shutil.copytree(untied, tmp_path / "bad")
    values = tensors(untied)
    values["model.layers.1.mlp.up_proj.weight"][7, 3] = bad
    write_safetensors(tmp_path / "bad" / "model.safetensors", values)
    with pytest.raises(UsageError, match=r"layers\.1\.mlp\.up_proj\.weight' holds (NaN|-?inf|1e\+30).*rows 0 to 127"):
        loaded(tmp_path / "bad", "int4")


def test_refusals_before_anything_is_read(untied: Path) -> None:
    with pytest.raises(UnknownName, match=r"Unknown quantization 'int-4'.* int4, .*none"):
        QuantConfig.named("int-4")
    with pytest.raises(UnknownName, match=r"Unknown quantization 'int-4'.* int4, "):
        QuantConfig("int8", head="int-4")
    with pytest.raises(UnknownName, match="q_proj"):
        loaded(untied, QuantConfig("nf4", skip=("kew_proj",)))
    with pytest.raises(Unsupported, match="regular expression"):
        QuantConfig("nf4", skip=("(a+)+$",))
    config = read_config(untied) | {"quantization_config": {"quant_method": "torchao", "bits": 4}}
    with SafetensorsIndex.open(untied) as index:
        with pytest.raises(Unsupported, match="torchao"):
            survey(index, config)
        config["quantization_config"] = {"quant_method": "causerie", "version": 2, "weights": {}}
        with pytest.raises(ConfigError, match="version 2"):
            survey(index, config)
        for wrong in ([], 5, {"lm_head.weight": ["int4"]}, {"lm_head.weight": "int99"}):
            config["quantization_config"] = {"quant_method": "causerie", "version": 1, "weights": wrong}
            with pytest.raises(ConfigError, match=r"weights|lm_head\.weight"):
                survey(index, config)
        config["quantization_config"] = {
            "quant_method": "causerie", "version": 1, "weights": {"lm_head.weight": "int4"},
        }  # fmt: skip
        with pytest.raises(WeightFileError, match=r"lm_head\.weight\.codes"):
            survey(index, config)


def test_a_width_that_no_group_divides_is_named(tmp_path: Path) -> None:
    from tests.parity.cases import TINY, Case
    from tests.parity.harness import save_case

    folder = save_case(Case("odd", "llama", TINY), tmp_path / "odd")  # its mlp is 88 wide
    with pytest.raises(UsageError, match=r"model\.layers\.0\.mlp\.down_proj is 88 wide, and int4.*nf4"):
        loaded(folder, "int4")
    assert loaded(folder, "nf4").quantization == "nf4"
