"""Tiny models with whole groups in every width, saved by transformers, and how the tests of this folder load them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from causerie.backends.torch.backend import TorchBackend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.loading.load import load_model
from causerie.models.config import read_config
from causerie.models.model import Model
from causerie.plan.footprint import cache_sizer
from causerie.quant.config import QuantConfig
from tests.parity.cases import TINY, Case
from tests.parity.harness import save_case

SIZES = {"hidden_size": 64, "intermediate_size": 128, "head_dim": 16, "num_hidden_layers": 2}


@pytest.fixture(scope="session")
def untied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A llama with a head of its own."""
    values = TINY | SIZES | {"tie_word_embeddings": False}
    return save_case(Case("untied", "llama", values), tmp_path_factory.mktemp("untied") / "model")


@pytest.fixture(scope="session")
def tied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with one table for both."""
    values = TINY | SIZES | {"tie_word_embeddings": True}
    return save_case(Case("tied", "llama", values), tmp_path_factory.mktemp("tied") / "model")


def loaded(folder: Path, quantization: QuantConfig | str | None = None, backend: Any = None, **options: Any) -> Model:
    """A model of a folder on the torch backend (or the one given), with room for 512 tokens."""
    config = QuantConfig.named(quantization) if isinstance(quantization, str) else quantization
    holder = backend or TorchBackend()
    with SafetensorsIndex.open(folder) as index:
        return load_model(
            index,
            read_config(folder),
            backend=holder,
            size_cache=cache_sizer(holder.block_size, 10**9, 512),
            quantization=config,
            **options,
        )


def tensors(folder: Path) -> dict[str, NDArray[Any]]:
    """Every tensor of a folder by name."""
    with SafetensorsIndex.open(folder) as index:
        return {name: index.read(name) for name in index.names()}


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A llama with blocks of 128 in its matrices, some of them cut at the end."""
    sizes = {"hidden_size": 256, "intermediate_size": 384, "head_dim": 40, "num_hidden_layers": 2}
    values = TINY | sizes | {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": False}
    return save_case(Case("wide", "llama", values), tmp_path_factory.mktemp("wide") / "model")


@pytest.fixture(scope="session")
def even(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A llama whose widths are whole groups of 128."""
    sizes = {"hidden_size": 256, "intermediate_size": 384, "head_dim": 64, "num_hidden_layers": 2, "vocab_size": 160}
    values = TINY | sizes | {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": False}
    return save_case(Case("even", "llama", values), tmp_path_factory.mktemp("even") / "model")
