"""What matrices read before they are quantized: layer by layer as in one pass, on either backend; and what is done with
it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from causerie import AutoModelForCausalLM
from causerie.backends.native.backend import NativeBackend
from causerie.backends.native.encoder import NativeEncoder
from causerie.backends.native.library import instruction_sets
from causerie.backends.ops import Backend
from causerie.backends.torch.backend import TorchBackend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.errors import EngineError, UsageError
from causerie.loading.calibration import _step, measured_inputs, random_texts
from causerie.loading.load import load_model, survey
from causerie.loading.sources import PlainSource, Transfer
from causerie.models.config import read_config
from causerie.models.decoder import forward
from causerie.models.input_taps import InputTaps
from causerie.plan.footprint import cache_sizer
from causerie.quant.encoders import encoder_named
from causerie.quant.fitted import FittedEncoder
from causerie.quant.transform import evening
from causerie.spec.decoder import Decoder
from causerie.spec.ops import Ops, Value, Weights
from tests.parity.cases import CASES, TINY, Case
from tests.parity.harness import save_case

FAMILIES = [
    "llama, tied head",
    "phi3",
    "gpt2",
    "gemma3n",
    "gemma4 with experts",
    "gpt-oss",
    "qwen3-next",
    "deepseek v3",
    "nemotron-h, latent experts in groups, biases",
    "falcon-h1",
    "lfm2",
    "mamba",
    "olmo2",
]
RUNNABLE = [each for each in instruction_sets() if each.lacking is None]
BACKENDS: list[Backend] = [NativeBackend(threads=2), TorchBackend()]


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    (case,) = (case for case in CASES if case.name == request.param)
    return save_case(case, tmp_path_factory.mktemp("family") / "model")


def of_layers(folder: Path, backend: Backend) -> Mapping[str, np.ndarray[Any, Any]]:
    with SafetensorsIndex.open(folder) as index:
        model_survey = survey(index, read_config(folder), dtype="float32")
        sources = cast(list[PlainSource], list(model_survey.sources))
        builder = backend.builder(model_survey.spec, {})
        with Transfer.begun(index, builder, 1) as transfer:
            texts = random_texts(model_survey.spec.vocab, 40)
            return measured_inputs(model_survey.spec, sources, model_survey.formats, texts, transfer, backend).squares


def of_one_pass(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    """By the model as it runs, of which all rows are wanted; of experts the last matrices are left out."""
    squares: dict[str, np.ndarray[Any, Any]] = {}

    def noting(ops: Ops, spec: Decoder, weights: Weights) -> tuple[Value, ...]:
        notes = InputTaps(ops)
        results = forward(cast(Ops, notes), spec, weights)
        for reading in notes.readings:
            tap: torch.Tensor = notes.taps[reading.tap]
            for name in reading.names:
                columns = tap[:, reading.first : reading.first + weights[name].shape[1]]
                squares[name] = columns.square().mean(0).numpy()
        return results

    backend = TorchBackend()
    with SafetensorsIndex.open(folder) as index:
        config = read_config(folder)
        model = load_model(index, config, backend=backend, size_cache=cache_sizer(32, 10**9, 512), dtype="float32")
    texts = random_texts(model.spec.vocab, 40)
    positions = [np.arange(len(text), dtype=np.int32) for text in texts]
    step = _step(positions, len(model.spec.page_groups), 2, None, bool(model.spec.slot_layers))
    every = np.concatenate(texts)
    wanted = np.arange(len(every), dtype=np.int32)
    step = type(step)(**{**vars(step), "tokens": every, "rows": wanted, "tapped": False})
    executable = cast(Any, model.executable)
    executable._forward = noting
    model.run(step)
    return squares


def test_layers_one_by_one_read_what_they_read_in_one_pass(folder: Path) -> None:
    expected = of_one_pass(folder)
    for backend in BACKENDS:
        squares = of_layers(folder, backend)
        last = {name for name in squares if ".experts." in name and name.endswith(".down")}
        assert set(squares) - last - {"head"} == set(expected) - {"head"}
        for name, square in expected.items():
            np.testing.assert_allclose(squares[name], square, rtol=2e-3, atol=1e-6, err_msg=f"{backend.name} {name}")
        assert all(squares[name].shape and np.isfinite(squares[name]).all() for name in last)


def test_what_experts_read_last_is_their_own(tmp_path: Path) -> None:
    (case,) = (case for case in CASES if case.name == "qwen3 with experts")
    folder = save_case(case, tmp_path / "model")
    native, other = (of_layers(folder, backend) for backend in BACKENDS)
    names = [name for name in native if ".experts." in name and name.endswith(".down")]
    assert len({native[name].tobytes() for name in names}) == len(names) > 1
    for name in names:
        np.testing.assert_allclose(native[name], other[name], rtol=2e-3, atol=1e-7)


def rows_of(kind: str, rows: int, width: int) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(3)
    matrix = rng.standard_normal((rows, width)).astype(np.float32)
    if kind == "edges":
        matrix[0], matrix[1, :32], matrix[2], matrix[3, ::7] = 0, 1e-31, matrix[2] * 1e-12, 900
        matrix[4] = np.abs(matrix[4])
    return matrix


@pytest.mark.parametrize(
    "set", [each for each in instruction_sets() if each.lacking is None], ids=lambda each: each.name
)
@pytest.mark.parametrize("kind", ["normal", "edges"])
@pytest.mark.parametrize("weighs", [False, True])
def test_kernels_quantize_as_numpy_does(set: Any, kind: str, weighs: bool) -> None:
    encoder = cast(FittedEncoder, encoder_named("int4"))
    for rows, width in ((40, 96), (7, 576), (3, 32)):
        matrix = rows_of(kind, max(rows, 5), width)
        costs = np.exp(3 * np.random.default_rng(4).standard_normal(width)).astype(np.float32)
        costs[:3] = 0, np.inf, 1e30
        reference = encoder.weighing(costs) if weighs else encoder
        expected, arrays = reference.encode(matrix), NativeEncoder(reference, set).encode(matrix)
        assert expected.keys() == arrays.keys()
        for name, array in expected.items():
            np.testing.assert_array_equal(arrays[name], array, err_msg=name)


def test_errors_are_fewer_where_inputs_are_large() -> None:
    encoder = cast(FittedEncoder, encoder_named("int4"))
    matrix = rows_of("normal", 64, 256)
    squares = np.exp(2 * np.random.default_rng(5).standard_normal(256)).astype(np.float32)

    def cost(made: FittedEncoder) -> float:
        errors = made.format.decode(made.encode(matrix), (64, 256)) - matrix
        return float((errors**2 * squares).sum())

    assert cost(encoder.weighing(squares)) < 0.75 * cost(encoder)
    with pytest.raises(EngineError, match="256 inputs was measured with 32"):
        encoder.weighing(squares[:32]).encode(matrix)


def logits(folder: Path, **options: Any) -> np.ndarray[Any, Any]:
    with AutoModelForCausalLM.from_pretrained(folder, progress=False, **options) as model:
        return np.asarray(model(np.arange(1, 40)[None]).logits)[0]


def test_a_measured_model_is_nearer_and_is_saved_as_it_is(tied: Path, tmp_path: Path) -> None:
    exact = logits(tied, dtype="float32", backend="native")
    options = {"quantization": "int4", "backend": "native"}
    plain, measured = logits(tied, calibrate="none", **options), logits(tied, **options)
    assert np.square(measured - exact).sum() < 0.9 * np.square(plain - exact).sum()
    np.testing.assert_array_equal(logits(tied, calibrate="random", **options), measured)
    for prepared in (False, True):
        with AutoModelForCausalLM.from_pretrained(tied, progress=False, **options) as model:
            model.save_pretrained(tmp_path / str(prepared), prepared=prepared, progress=False)
        np.testing.assert_array_equal(logits(tmp_path / str(prepared), backend="native"), measured)


def test_a_text_measures_too_and_what_is_none_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("The history of bread begins long before the first ovens. " * 20)
    options = {"quantization": "int4", "backend": "native"}
    read, drawn = logits(Path("builtin"), calibrate=text, **options), logits(Path("builtin"), **options)
    assert not np.array_equal(read, drawn)
    (tmp_path / "empty").touch()
    for file, why in ((tmp_path / "absent", "cannot be read"), (tmp_path / "empty", "is empty")):
        with pytest.raises(UsageError, match=why):
            logits(Path("builtin"), calibrate=file, **options)
    with pytest.raises(UsageError, match="no quantization was asked for"):
        logits(Path("builtin"), calibrate="random", backend="native")


@pytest.fixture(scope="module")
def home(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whose widths 64 divides."""
    values = TINY | {"hidden_size": 128, "intermediate_size": 192, "head_dim": 32, "num_hidden_layers": 2}
    case = Case("even", "llama", values | {"num_attention_heads": 4, "tie_word_embeddings": request.param})
    return save_case(case, tmp_path_factory.mktemp("even") / "model")


@pytest.mark.parametrize(("home", "format"), [(True, "int8"), (False, "int8"), (True, "int6")], indirect=["home"])
def test_our_formats_even_their_inputs(home: Path, format: str, tmp_path: Path) -> None:
    exact = logits(home, dtype="float32", backend="native")
    options = {"quantization": format, "backend": "native"}
    plain, evened = logits(home, calibrate="none", **options), logits(home, **options)
    errors = [np.square(each - exact).sum() for each in (evened, plain)]
    assert errors[0] < errors[1]
    by_torch = logits(home, quantization=format, backend="torch", dtype="float32")
    assert np.square(by_torch - exact).sum() < errors[0]  # whose activations are not in 8 bits
    for prepared in (False, True):
        target = tmp_path / str(prepared)
        with AutoModelForCausalLM.from_pretrained(home, progress=False, **options) as model:
            model.save_pretrained(target, prepared=prepared, progress=False)
        assert json.loads((target / "config.json").read_text())["quantization_config"]["version"] == 2
        np.testing.assert_array_equal(logits(target, backend="native"), evened)
    with AutoModelForCausalLM.from_pretrained(tmp_path / "False", progress=False, backend="native") as model:
        model.save_pretrained(tmp_path / "again", progress=False)
    np.testing.assert_array_equal(logits(tmp_path / "again", backend="native"), evened)
    np.testing.assert_allclose(logits(tmp_path / "again", backend="torch", dtype="float32"), by_torch, atol=2e-2)


@pytest.mark.parametrize(("home", "format"), [(True, "int8"), (True, "int5")], indirect=["home"])
def test_an_evened_model_is_the_same_however_it_is_run(home: Path, format: str) -> None:
    tokens = np.arange(1, 60)
    with AutoModelForCausalLM.from_pretrained(home, quantization=format, backend="native", progress=False) as model:
        whole = np.asarray(model(tokens[None]).logits)[0]
        both = np.asarray(model(np.stack((tokens, tokens[::-1]))).logits)
        np.testing.assert_array_equal(both[0], whole)
        for length in (1, 17, 40):
            np.testing.assert_array_equal(np.asarray(model(tokens[None, :length]).logits)[0], whole[:length])


def test_evening_makes_inputs_alike() -> None:
    sizes = np.exp(3 * np.random.default_rng(6).standard_normal(128)).astype(np.float32)
    transform = evening(sizes**2)
    assert transform is not None and evening(np.ones(96, np.float32)) is None
    assert transform.scaling is not None
    np.testing.assert_allclose(transform.scaling * np.sqrt(sizes) / np.median(np.sqrt(sizes)), 1, rtol=0.2)
    x = np.random.default_rng(7).standard_normal((5, 128)).astype(np.float32) * sizes
    weights = np.random.default_rng(8).standard_normal((9, 128)).astype(np.float32)
    np.testing.assert_allclose(transform.apply(x) @ transform.weights(weights).T, x @ weights.T, rtol=1e-3, atol=1e-2)
    dead = evening(np.array([0, np.inf, np.nan, *np.ones(61)], np.float32))
    assert dead is not None and dead.scaling is not None and np.isfinite(dead.scaling).all()
