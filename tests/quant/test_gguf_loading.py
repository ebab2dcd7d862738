"""GGUF files as models: they give the logits of the numbers that their records stand for, whatever kinds they mix, with
rows permuted and experts in stacks; and they are saved and loaded again without a difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causerie.backends.ops import Backend
from causerie.checkpoint.elementwise import Plus
from causerie.checkpoint.expression import Columns, Place, Rows, Tensor, Transposed
from causerie.checkpoint.gguf.index import open_gguf
from causerie.checkpoint.head_rows import Turns
from causerie.errors import UsageError, WeightFileError
from causerie.loading.load import Survey, load_surveyed, survey
from causerie.loading.packed.model_matrix import ModelMatrix
from causerie.loading.packed.records import Decoded, RecordTensors, as_numbers
from causerie.models.gguf.architecture import gguf_model
from causerie.models.model import Model
from causerie.plan.footprint import cache_sizer
from causerie.quant.config import QuantConfig
from causerie.quant.gguf_records import RECORDS
from tests.checkpoint.gguf_files import GgufFile
from tests.checkpoint.gguf_files import Tensor as FileTensor
from tests.parity.harness import backend_or_none, prompt_logits, some_tokens
from tests.quant.conftest import loaded
from tests.quant.gguf_models import write_twins
from tests.quant.records import NUMBERS, oracle, weight_rows

K_M = {"token_embd": "Q6_K", "attn_v": "Q6_K", "ffn_down": "Q5_K", "attn_q": "Q4_K", "attn_k": "Q4_K"}


def surveyed(file: Path, **options: Any) -> Survey:
    with open_gguf(file) as index:
        return survey(index, gguf_model(index.metadata, index).config, **options)


def gguf_loaded(file: Path, backend: Backend, **options: Any) -> Model:
    with open_gguf(file) as index:
        known = survey(index, gguf_model(index.metadata, index).config, **options)
        return load_surveyed(known, index, backend=backend, size_cache=cache_sizer(backend.block_size, 10**9, 512))


def backend(name: str) -> Backend:
    made = backend_or_none(name)
    assert made is not None
    return made


@pytest.mark.parametrize("kind", [*RECORDS, "F32", "F16", "BF16"])
def test_torch_has_the_logits_of_the_numbers(tmp_path: Path, kind: str) -> None:
    twin = write_twins(tmp_path, {}, default=kind, layers=1)
    prompt = some_tokens(12)
    ours = prompt_logits(gguf_loaded(twin.file, backend("torch"), dtype="float32"), [prompt])[0]
    expected = prompt_logits(loaded(twin.folder), [prompt])[0]
    np.testing.assert_allclose(ours, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["torch", "native"])
@pytest.mark.parametrize("model", ["dense", "tied", "experts"])
def test_kinds_mixed_in_one_file(tmp_path: Path, name: str, model: str) -> None:
    kinds = {**K_M, "blk.1.attn_q": "F16", "blk.1.ffn_up": "BF16", "blk.1.attn_output": "IQ3_S", "output": "Q8_0"}
    kinds |= {"ffn_gate_exps": "Q4_K", "ffn_up_exps": "IQ4_XS", "ffn_down_exps": "Q5_1", "blk.0.ffn_gate": "MXFP4"}
    twin = write_twins(tmp_path, kinds, default="Q5_0", tied=model == "tied", experts=3 if model == "experts" else 0)
    prompt = some_tokens(20)
    model_of_file = gguf_loaded(twin.file, backend(name), dtype="float32")
    (ours,), (expected,) = (prompt_logits(each, [prompt]) for each in (model_of_file, loaded(twin.folder)))
    # The native backend reads activations in 8 bits.
    near = 1e-4 if name == "torch" else 0.1
    assert np.abs(ours - expected).max() <= near * np.abs(expected).max()
    assert np.corrcoef(ours.ravel(), expected.ravel())[0, 1] > (0.99999 if name == "torch" else 0.99)


def test_a_file_is_held_as_it_is_written(tmp_path: Path) -> None:
    twin = write_twins(tmp_path, {**K_M, "attn_output": "BF16", "ffn_up": "F16"})
    known = surveyed(twin.file)
    held = {source.weight.name: known.formats[source.weight.name] for source in known.sources}
    assert known.plain == "bfloat16" and known.quantization is not None
    assert held["embed"] == "q6_k" and held["head"] == "q8_0" and held["layers.1.mixer.q"] == "q4_k"
    assert held["layers.0.mixer.o"] == "bfloat16" and held["layers.0.ffn.up"] == "float16"
    assert held["norm"] == held["layers.0.mixer_norm"] == "float32"
    with open_gguf(twin.file) as index:
        assert known.nbytes == index.nbytes
    rounded = surveyed(twin.file, dtype="float16").formats
    assert rounded["norm"] == rounded["layers.0.mixer.o"] == "float16" and rounded["embed"] == "q6_k"


def test_what_most_numbers_are_is_what_it_computes_in(tmp_path: Path) -> None:
    for i, kind in enumerate(("F16", "BF16", "F32")):
        known = surveyed(write_twins(tmp_path / str(i), {"attn_q": "F32"}, default=kind).file)
        assert known.plain == {"F16": "float16", "BF16": "bfloat16", "F32": "float32"}[kind]
        assert known.formats["layers.0.mixer.q"] == "float32" and known.quantization is None


@pytest.mark.parametrize("name", ["torch", "native"])
def test_types_of_their_own_beside_each_other(tmp_path: Path, name: str) -> None:
    twin = write_twins(
        tmp_path, {"attn_q": "F32", "ffn_up": "BF16", "attn_v": "Q4_0", "token_embd": "F32"}, default="F16"
    )
    prompt = some_tokens(12)
    ours, expected = (
        prompt_logits(each, [prompt])[0] for each in (gguf_loaded(twin.file, backend(name)), loaded(twin.folder))
    )
    assert np.corrcoef(ours.ravel(), expected.ravel())[0, 1] > 0.99


def test_what_is_quantized_is_not_quantized_again(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="is quantized already, as Q4_K, Q5_K, Q6_K, Q8_0, and quantizing it again to int"
    ):
        surveyed(write_twins(tmp_path / "a", K_M).file, quantization=QuantConfig.named("int4"))
    known = surveyed(write_twins(tmp_path / "b", {}, default="F16").file, quantization=QuantConfig.named("int4"))
    assert known.formats["layers.0.mixer.q"] == "int4" and known.formats["norm"] == "float32"


def test_a_router_of_records_becomes_numbers(tmp_path: Path) -> None:
    twin = write_twins(tmp_path, {"ffn_gate_inp": "Q8_0"}, experts=32)
    known = surveyed(twin.file)
    assert known.formats["layers.0.ffn.router"] == "float32"
    prompt = some_tokens(12)
    ours = prompt_logits(gguf_loaded(twin.file, backend("torch"), dtype="float32"), [prompt])[0]
    expected = prompt_logits(loaded(twin.folder), [prompt])[0]
    np.testing.assert_allclose(ours, expected, atol=1e-4 * np.abs(expected).max())


def test_expressions_over_records(tmp_path: Path) -> None:
    """Whole rows stay packed; anything else is made of the numbers."""
    rows = weight_rows("Q4_K", 24, 512)
    numbers = oracle("Q4_K", rows)
    flat = weight_rows("Q8_0", 1, 64)
    file = GgufFile(
        tensors=[
            FileTensor("m", (512, 24), NUMBERS["Q4_K"], rows.tobytes()),
            FileTensor("s", (512, 8, 3), NUMBERS["Q4_K"], rows.tobytes()),
            FileTensor("v", (64,), NUMBERS["Q8_0"], flat.tobytes()),
        ]
    ).write(tmp_path / "a.gguf")
    stack = numbers.reshape(3, 8, 512)
    with open_gguf(file) as index:
        for expression, expected in (
            (Tensor("m"), numbers),
            (Rows(Tensor("m"), 5, 11), numbers[5:11]),
            (Turns(Tensor("m"), 1, 3, 4), numbers.reshape(6, 4, 512)[:, 1:3].reshape(12, 512)),
            (Place("s", 2), stack[2]),
            (Rows(Place("s", 1), 2, 7), stack[1, 2:7]),
        ):
            shape = (expected.shape[0], expected.shape[1])
            packed = RecordTensors().matrix(index, ModelMatrix(expression, shape))
            assert packed is not None and packed.all_tensors == expression.tensors
            arrays = packed.read(index, 2, 5)
            assert np.array_equal(packed.format.decode(arrays, (3, 512)), expected[2:5])
            assert np.array_equal(as_numbers(expression, index).read(index, slice(2, 5)), expected[2:5])
        for expression, expected in (
            (Transposed(Tensor("m")), numbers.T),
            (Columns(Tensor("m"), 3, 50), numbers[:, 3:50]),
            (Plus(Place("s", 1)), stack[1] + np.float32(1)),
            (Tensor("v"), oracle("Q8_0", flat)[0]),
        ):
            decoded = as_numbers(expression, index)
            assert decoded.shape(index) == expected.shape and decoded.dtype(index) == "F32"
            assert np.array_equal(decoded.read(index), expected)
            assert np.array_equal(decoded.read(index, slice(1, 9)), expected[1:9])
            assert decoded.key == expression.key and decoded.tensors == expression.tensors
            if expected.ndim == 2:
                assert RecordTensors().matrix(index, ModelMatrix(expression, expected.shape)) is None
        renamed = Decoded(Tensor("x"), RECORDS["Q4_K"]).named(lambda name: "m" if name == "x" else name)
        assert np.array_equal(renamed.read(index), numbers)


def test_records_of_another_size_are_refused(tmp_path: Path) -> None:
    rows = weight_rows("Q4_0", 8, 64)
    file = GgufFile(tensors=[FileTensor("m", (64, 8), NUMBERS["Q4_0"], rows.tobytes())]).write(tmp_path / "a.gguf")
    with open_gguf(file) as index:
        for expression, shape in ((Tensor("m"), (8, 128)), (Tensor("m"), (4, 64)), (Rows(Tensor("m"), 4, 9), (5, 64))):
            with pytest.raises(
                WeightFileError, match=r"a\.gguf: tensor 'm' has shape \(8, 64\), and the file's metadata"
            ):
                RecordTensors().matrix(index, ModelMatrix(expression, shape))


def test_scales_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    for name, place, wrong in (("Q4_0", 0, b"\x00\x7c"), ("Q6_K", 208, b"\x01\x7e"), ("MXFP4", 0, b"\xff")):
        rows = weight_rows(name, 4, 256)
        rows[2, place : place + len(wrong)] = np.frombuffer(wrong, np.uint8)
        tensor = FileTensor("m", (256, 4), NUMBERS[name], rows.tobytes())
        file = GgufFile(tensors=[tensor]).write(tmp_path / f"{name}.gguf")
        with open_gguf(file) as index:
            packed = RecordTensors().matrix(index, ModelMatrix(Tensor("m"), (4, 256)))
            assert packed is not None
            packed.read(index, 0, 2)
            with pytest.raises(WeightFileError, match=rf"{name}\.gguf: tensor 'm' has '(d|scale)' that are infinite"):
                packed.read(index, 2, 4)
            with pytest.raises(WeightFileError, match="infinite or no numbers"):
                as_numbers(Transposed(Tensor("m")), index).read(index)
