"""Checkpoints of families with layer norms: fused, turned over, named in several ways; quantized, saved, prepared."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie import AutoModelForCausalLM
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from tests.parity.cases import Case
from tests.parity.harness import reference, save_case, some_tokens

_NEW, _OLD = ("rms_norm_eps",), ("rms_norm_eps", "intermediate_size", "num_key_value_heads")
_WIDE: dict[str, Any] = {"intermediate_size": 96}  # whole groups of quantized numbers
CASES = {
    case.family: case
    for case in (
        Case("wide starcoder2", "starcoder2", _WIDE, _NEW),
        Case("wide stablelm", "stablelm", _WIDE | {"qk_layernorm": True}, _NEW),
        Case("wide phi", "phi", _WIDE, _NEW),
        Case("wide nemotron", "nemotron", _WIDE, _NEW),
        Case("wide olmo", "olmo", _WIDE | {"clip_qkv": 0.7}, _NEW),
        Case("wide cohere", "cohere", _WIDE | {"use_qk_norm": True, "attention_bias": True, "logit_scale": 1.0}, _NEW),
        Case(
            "wide cohere2", "cohere2", _WIDE | {"sliding_window": 7, "num_hidden_layers": 4, "logit_scale": 1.0}, _NEW
        ),
        Case("wide arcee", "arcee", _WIDE),
        Case("wide gpt_neox", "gpt_neox", _WIDE, ("rms_norm_eps", "num_key_value_heads")),
        Case("wide gpt2", "gpt2", {"tie_word_embeddings": True}, _OLD),
        Case("wide opt", "opt", {"ffn_dim": 96, "tie_word_embeddings": True}, _OLD),
        Case("wide falcon", "falcon", {"new_decoder_architecture": True, "num_kv_heads": 2, "bias": True}, _OLD),
        Case("wide bloom", "bloom", {"tie_word_embeddings": True}, _OLD),
    )
}
PROMPT = [some_tokens(40, 3)]


@pytest.fixture(scope="module", params=CASES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_case(CASES[request.param], tmp_path_factory.mktemp(request.param) / "model")


def logits(folder: Path, backend: str = "native", **options: Any) -> NDArray[np.float32]:
    with AutoModelForCausalLM.from_pretrained(folder, backend=backend, progress=False, **options) as model:
        return np.asarray(model(PROMPT).logits, np.float32)


@pytest.mark.parametrize(("format", "near"), [("int8", 0.05), ("int4", 0.6)])
def test_quantized(format: str, near: float, folder: Path) -> None:
    plain, quantized, native = (
        logits(folder, "torch"),
        logits(folder, "torch", quantization=format),
        logits(folder, quantization=format),
    )
    assert np.square(quantized - plain).mean() ** 0.5 < near * plain.std()
    # The native one rounds what matrices read to 8 bits too.
    assert np.square(native - quantized).mean() ** 0.5 < 0.05 * plain.std()
    assert not np.array_equal(quantized, plain)


@pytest.mark.parametrize(
    "options", [{}, {"quantization": "int8"}, {"dtype": "bfloat16"}], ids=["plain", "int8", "half"]
)
@pytest.mark.parametrize("prepared", [False, True], ids=["saved", "prepared"])
def test_saved_and_read_again(options: dict[str, str], prepared: bool, folder: Path, tmp_path: Path) -> None:
    with AutoModelForCausalLM.from_pretrained(folder, backend="native", progress=False, **options) as model:
        expected = np.asarray(model(PROMPT).logits, np.float32)
        model.save_pretrained(tmp_path / "again", prepared=prepared, progress=False)
    np.testing.assert_array_equal(logits(tmp_path / "again"), expected)


def test_in_several_files(folder: Path, tmp_path: Path) -> None:
    reference(folder).save_pretrained(tmp_path, max_shard_size="60KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    np.testing.assert_array_equal(logits(tmp_path), logits(folder))


@pytest.mark.parametrize(
    ("family", "lost", "others"),
    [
        ("gpt2", "transformer.", {"h.0.attn.bias": (1, 1, 8, 8), "h.2.attn.masked_bias": (1,)}),
        ("bloom", "transformer.", {}),
        ("opt", "model.", {}),
        (
            "gpt_neox",
            "",
            {"gpt_neox.layers.1.attention.bias": (1, 1, 8, 8), "gpt_neox.layers.0.attention.masked_bias": (1,)},
        ),
        ("falcon", "", {"transformer.h.0.self_attention.maybe_rotary.inv_freq": (8,)}),
    ],
)
def test_named_as_in_the_first_files(
    family: str, lost: str, others: dict[str, tuple[int, ...]], tmp_path: Path
) -> None:
    home = save_case(CASES[family], tmp_path / "new")
    shutil.copytree(home, tmp_path / "old")
    with SafetensorsIndex.open(home) as index:
        tensors = {name.removeprefix(lost): np.array(index.read(name)) for name in index.names()}
    heads = {"embed_out.weight": "lm_head.weight", "lm_head.weight": "embed_out.weight"} if family == "gpt_neox" else {}
    tensors = {heads.get(name, name): array for name, array in tensors.items()}
    tensors |= {name: np.ones(shape, np.float32) for name, shape in others.items()}
    write_safetensors(tmp_path / "old" / "model.safetensors", tensors)
    np.testing.assert_array_equal(logits(tmp_path / "old"), logits(home))
