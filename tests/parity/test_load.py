"""Weights are verified all together before any is read, and read once, slice by slice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie.backends.ops import BlockCount, CacheShape
from causerie.backends.torch.backend import TorchBackend
from causerie.checkpoint.index import TensorInfo
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.errors import ConfigError, EngineError, OutOfMemory, UnknownName, Unsupported, UsageError, WeightFileError
from causerie.loading.load import load_model, survey, weight_format
from causerie.models.config import read_config
from causerie.models.model import Model
from tests.parity.harness import prompt_logits, some_tokens

FolderOf = Callable[[str], Path]
STORED = {"float32": "F32", "float16": "F16", "uint16": "BF16", "int8": "I8", "float64": "F64"}


class InMemory:
    """A TensorIndex of arrays, which counts what is read."""

    def __init__(self, tensors: dict[str, NDArray[Any]]) -> None:
        self.tensors = tensors
        self.reads: list[tuple[str, int]] = []

    @classmethod
    def of(cls, folder: Path) -> InMemory:
        with SafetensorsIndex.open(folder) as index:
            return cls({name: index.read(name) for name in index.names()})

    def names(self) -> Sequence[str]:
        return list(self.tensors)

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    def info(self, name: str) -> TensorInfo:
        found = self.tensors[name]
        return TensorInfo(name, found.shape, STORED[str(found.dtype)], Path("memory"))

    def read(self, name: str, rows: slice | None = None, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        whole = self.tensors[name] if shape is None else self.tensors[name].reshape(shape)
        part = whole[rows or slice(None)].copy()
        self.reads.append((name, len(part)))
        return part

    def read_into(
        self, name: str, out: NDArray[Any], rows: slice | None = None, shape: tuple[int, ...] | None = None
    ) -> None:
        out[...] = self.read(name, rows, shape)

    def close(self) -> None:
        self.tensors = {}

    def __enter__(self) -> InMemory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def loaded(index: InMemory, config: dict[str, Any], **options: Any) -> Model:
    backend = TorchBackend()
    return load_model(
        index,
        config,
        backend=backend,
        size_cache=lambda *_: CacheShape((BlockCount(4),), backend.block_size, "float32"),
        **options,
    )


@pytest.fixture
def index(folder_of: FolderOf) -> InMemory:
    return InMemory.of(folder_of("llama, biases"))


@pytest.fixture
def config(folder_of: FolderOf) -> dict[str, Any]:
    return read_config(folder_of("llama, biases"))


def refused(index: InMemory, config: dict[str, Any], named: str) -> None:
    with pytest.raises(WeightFileError, match=named):
        loaded(index, config)
    assert not index.reads


def test_missing_tensors_are_named_with_the_nearest(index: InMemory, config: dict[str, Any]) -> None:
    index.tensors["model.layers.1.self_attn.q_project.weight"] = index.tensors.pop(
        "model.layers.1.self_attn.q_proj.weight"
    )
    refused(index, config, r"memory lacks 'model\.layers\.1\.self_attn\.q_proj\.weight'.*q_project.*like it")


def test_many_missing_tensors_are_counted(index: InMemory, config: dict[str, Any]) -> None:
    refused(InMemory({}), config, "The checkpoint lacks .* and 46 more")


def test_unexpected_tensors_are_named(index: InMemory, config: dict[str, Any]) -> None:
    index.tensors["model.layers.0.self_attn.q_proj.lora_A"] = np.zeros((2, 2), np.float32)
    refused(index, config, "memory holds .*lora_A.*no place.*merged into its model")


def test_tensors_beside_the_decoder_are_told_and_left_out(index: InMemory, config: dict[str, Any]) -> None:
    index.tensors["v_head.summary.weight"] = np.zeros((1, 64), np.float32)
    with pytest.warns(UserWarning, match=r"v_head\.summary\.weight.*left out"):
        loaded(index, config)
    with pytest.raises(WeightFileError, match=r"v_head.*--strict"):
        loaded(index, config, strict=True)
    with pytest.warns(UserWarning, match=r"v_head.*left out"):
        assert "v_head.summary.weight" not in {source.key for source in survey(index, config).sources}


def test_an_empty_quantization_config_is_none(index: InMemory, config: dict[str, Any]) -> None:
    loaded(index, config | {"quantization_config": {}})
    with pytest.raises(Unsupported, match=r"a way that config\.json does not name"):
        loaded(index, config | {"quantization_config": {"scheme": "w4"}})


def test_biases_that_the_config_denies_are_unexpected(index: InMemory, config: dict[str, Any]) -> None:
    refused(index, config | {"attention_bias": False}, r"q_proj\.bias|k_proj\.bias")


def test_shapes_must_be_those_of_the_config(index: InMemory, config: dict[str, Any]) -> None:
    refused(index, config | {"intermediate_size": 80}, r"memory: .*layers\.0\.mlp\.gate_proj.*\(88, 64\).*\(80, 64\)")


def test_quantized_tensors_are_refused(index: InMemory, config: dict[str, Any]) -> None:
    name = "model.layers.2.mlp.up_proj.weight"
    index.tensors[name] = index.tensors[name].astype(np.int8)
    refused(index, config, "memory: .*up_proj.*I8.*F32, F16, BF16.*quantized")
    index.tensors[name] = index.tensors[name].astype(np.float64)
    refused(index, config, "up_proj.*F64.*BF16. Use the float32")


def test_frequencies_that_old_checkpoints_saved_may_stay(index: InMemory, config: dict[str, Any]) -> None:
    index.tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = np.zeros(8, np.float32)
    loaded(index, config)


def test_a_tied_head_may_be_saved_twice(folder_of: FolderOf) -> None:
    index, config = InMemory.of(folder_of("llama, tied head")), read_config(folder_of("llama, tied head"))
    index.tensors["lm_head.weight"] = index.tensors["model.embed_tokens.weight"].copy()
    model = loaded(index, config)
    assert model.spec.tied
    index.tensors["lm_head.weight"][5] *= 2
    with pytest.warns(UserWarning, match="differ"):
        untied = loaded(index, config)
    assert not untied.spec.tied
    prompt = some_tokens(9)
    ours, other = (prompt_logits(m, [prompt])[0] for m in (model, untied))
    np.testing.assert_allclose(other[:, 5], 2 * ours[:, 5], rtol=1e-5)


def test_every_row_is_read_once_and_reported(index: InMemory, config: dict[str, Any]) -> None:
    seen: list[tuple[int, int, str]] = []
    model = loaded(index, config, progress=lambda *report: seen.append(report))
    total = sum(tensor.nbytes for tensor in index.tensors.values())
    assert sum(rows for _, rows in index.reads) == sum(len(tensor) for tensor in index.tensors.values())
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert seen[-1] == (total, total, "") and {size for _, size, _ in seen} == {total}
    assert model.weight_bytes == total


def test_tensors_are_read_in_slices(index: InMemory, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = loaded(index, config)
    monkeypatch.setattr("causerie.backends.torch.backend.SLICE_BYTES", 7 * 64 * 4)
    index.reads.clear()
    sliced = loaded(index, config)
    assert max(rows for _, rows in index.reads if rows != len(index.tensors)) <= 7 * 64
    prompt = some_tokens(12)
    np.testing.assert_array_equal(prompt_logits(whole, [prompt])[0], prompt_logits(sliced, [prompt])[0])


@pytest.mark.parametrize(
    ("config", "dtype", "expected"),
    [
        ({"dtype": "bfloat16"}, "auto", "bfloat16"),
        ({"torch_dtype": "float16"}, "auto", "float16"),
        ({}, "auto", "float32"),
        ({"dtype": "bfloat16"}, "float32", "float32"),
    ],
)
def test_dtype(config: dict[str, Any], dtype: str, expected: str, index: InMemory) -> None:
    assert weight_format(config, index, dtype) == expected


def test_unknown_dtypes(index: InMemory) -> None:
    with pytest.raises(UnknownName, match="bfloat16"):
        weight_format({}, index, "bf16")
    with pytest.raises(ConfigError, match="float8"):
        weight_format({"dtype": "float8_e4m3fn"}, index)
    with pytest.raises(WeightFileError, match="floating-point"):
        weight_format({}, InMemory({"x": np.zeros(2, np.int8)}))


def test_a_model_larger_than_memory(index: InMemory, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causerie.backends.torch.backend.free_bytes", lambda device: 1000)
    with pytest.raises(OutOfMemory, match=r"needs .* GB and 0\.00 GB are free on cpu"):
        loaded(index, config)
    assert not index.reads


def test_steps_that_cannot_be(index: InMemory, config: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="max_tokens"):
        loaded(index, config, max_tokens=0)
    assert prompt_logits(loaded(index, config, max_tokens=1), [[5]])[0].shape == (1, 131)
    model = loaded(index, config, max_tokens=8)
    with pytest.raises(EngineError, match="9 tokens"):
        prompt_logits(model, [some_tokens(9)])
    with pytest.raises(EngineError, match="vocabulary"):
        prompt_logits(model, [[5, 131]])
    model.close()
    with pytest.raises(EngineError, match="closed"):
        prompt_logits(model, [[5]])
