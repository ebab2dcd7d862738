"""Tiny GGUF files of the llama architecture whose matrices are of any kinds, and the checkpoints of their numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.bfloat16 import round_to_bits, widen
from causerie.checkpoint.writer import write_safetensors
from tests.checkpoint.gguf_files import ARRAY, FLOAT32, INT32, STRING, UINT32, GgufFile, Tensor, entry
from tests.quant.records import BLOCKS, NUMBERS, oracle, weight_rows

WIDTH, FFN, VOCAB, HEADS, KV_HEADS, HEAD = 256, 512, 320, 4, 2, 64
MATRICES = {
    "attn_q": (HEADS * HEAD, WIDTH),
    "attn_k": (KV_HEADS * HEAD, WIDTH),
    "attn_v": (KV_HEADS * HEAD, WIDTH),
    "attn_output": (WIDTH, HEADS * HEAD),
    "ffn_gate": (FFN, WIDTH),
    "ffn_up": (FFN, WIDTH),
    "ffn_down": (WIDTH, FFN),
}
THEIRS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
EXPERTS = {"ffn_gate_exps": "w1", "ffn_up_exps": "w3", "ffn_down_exps": "w2"}
PLAIN = {"F32": 0, "F16": 1, "BF16": 30}


@dataclass(frozen=True)
class Made:
    """A tensor of a file and the numbers that it stands for."""

    tensor: Tensor
    values: NDArray[np.float32]


def made(name: str, shape: Sequence[int], kind: str, seed: int) -> Made:
    """A tensor of random numbers, stored in this kind."""
    axes = tuple(reversed(shape))
    if kind in BLOCKS:
        rows = weight_rows(kind, int(np.prod(shape[:-1])), shape[-1], seed)
        return Made(Tensor(name, axes, NUMBERS[kind], rows.tobytes()), oracle(kind, rows).reshape(shape))
    values = np.random.default_rng(seed).normal(0, 0.04, shape).astype(np.float32) + (len(shape) == 1)
    if kind == "BF16":
        stored: NDArray[Any] = round_to_bits(values)
        return Made(Tensor(name, axes, PLAIN[kind], stored.tobytes()), widen(stored))
    stored = values.astype(np.float16 if kind == "F16" else np.float32)
    return Made(Tensor(name, axes, PLAIN[kind], stored.tobytes()), stored.astype(np.float32))


def llama_entries(layers: int, experts: int = 0, vocab: int = VOCAB) -> list[bytes]:
    """The metadata, without a tokenizer."""
    sizes = {
        "block_count": layers,
        "context_length": 512,
        "embedding_length": WIDTH,
        "feed_forward_length": FFN,
        "attention.head_count": HEADS,
        "attention.head_count_kv": KV_HEADS,
        "rope.dimension_count": HEAD,
        "vocab_size": vocab,
        **({"expert_count": experts, "expert_used_count": 2} if experts else {}),
    }
    return [
        entry("general.architecture", STRING, "llama"),
        *(entry(f"llama.{key}", UINT32, value) for key, value in sizes.items()),
        entry("llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5),
        entry("llama.rope.freq_base", FLOAT32, 10000.0),
    ]


def tokenizer_entries(
    vocab: Mapping[str, int], merges: Sequence[str], special: Sequence[str], template: str
) -> list[bytes]:
    """The metadata of a byte-level tokenizer, whose first special token fills up and whose last ends an answer."""
    tokens = sorted(vocab, key=lambda token: vocab[token])
    return [
        entry("tokenizer.ggml.model", STRING, "gpt2"),
        entry("tokenizer.ggml.pre", STRING, "gpt-2"),
        entry("tokenizer.ggml.tokens", ARRAY, (STRING, tokens)),
        entry("tokenizer.ggml.token_type", ARRAY, (INT32, [3 if token in special else 1 for token in tokens])),
        entry("tokenizer.ggml.merges", ARRAY, (STRING, merges)),
        entry("tokenizer.ggml.padding_token_id", UINT32, vocab[special[0]]),
        entry("tokenizer.ggml.eos_token_id", UINT32, vocab[special[-1]]),
        entry("tokenizer.chat_template", STRING, template),
    ]


@dataclass(frozen=True)
class Twin:
    """A GGUF file, and a folder with the same numbers as float32."""

    file: Path
    folder: Path
    contents: GgufFile


def write_twins(
    place: Path,
    kinds: Mapping[str, str],
    *,
    default: str = "Q8_0",
    layers: int = 2,
    tied: bool = False,
    experts: int = 0,
    vocab: int = VOCAB,
    more: Sequence[bytes] = (),
) -> Twin:
    """Both, by the kinds of tensors: by name, or of all by what they are called in a layer; with `more` metadata."""
    shapes: dict[str, tuple[int, ...]] = {"token_embd": (vocab, WIDTH), "output_norm": (WIDTH,)}
    if not tied:
        shapes["output"] = (vocab, WIDTH)
    for i in range(layers):
        own: dict[str, tuple[int, ...]] = {**MATRICES, "attn_norm": (WIDTH,), "ffn_norm": (WIDTH,)}
        if experts:
            own = {name: shape for name, shape in own.items() if name not in ("ffn_gate", "ffn_up", "ffn_down")}
            own |= {f"{name}_exps": (experts, *MATRICES[name]) for name in ("ffn_gate", "ffn_up", "ffn_down")}
            own["ffn_gate_inp"] = (experts, WIDTH)
        shapes |= {f"blk.{i}.{name}": shape for name, shape in own.items()}
    every: dict[str, Made] = {}
    for seed, (name, shape) in enumerate(shapes.items()):
        usual = default if len(shape) > 1 and not name.endswith("_inp") else "F32"
        kind = kinds.get(name, kinds.get(name.rpartition(".")[2], usual))
        every[name] = made(f"{name}.weight", shape, kind, seed)
    file = GgufFile([*llama_entries(layers, experts, vocab), *more], [each.tensor for each in every.values()])
    place.mkdir(parents=True, exist_ok=True)
    values = {name: array for name, each in every.items() for name, array in _as_theirs(name, each.values)}
    folder = _write_folder(place / "folder", values, layers, tied, experts, vocab)
    return Twin(file.write(place / "model.gguf"), folder, file)


def _as_theirs(name: str, values: NDArray[np.float32]) -> list[tuple[str, NDArray[np.float32]]]:
    """The tensors of a safetensors checkpoint that a tensor of the file is."""
    outside = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
    if name in outside:
        return [(f"{outside[name]}.weight", values)]
    _, layer, own = name.split(".")
    before = f"model.layers.{layer}."
    if own in EXPERTS:
        moe = f"{before}block_sparse_moe.experts"
        return [(f"{moe}.{i}.{EXPERTS[own]}.weight", matrix) for i, matrix in enumerate(values)]
    if own == "ffn_gate_inp":
        return [(f"{before}block_sparse_moe.gate.weight", values)]
    if own in ("attn_q", "attn_k"):  # in the file elements turn beside each other
        heads = values.reshape(-1, HEAD // 2, 2, WIDTH)
        values = np.ascontiguousarray(heads.swapaxes(1, 2)).reshape(values.shape)
    return [(f"{before}{THEIRS[own]}.weight", values)]


def _write_folder(
    folder: Path, values: Mapping[str, NDArray[np.float32]], layers: int, tied: bool, experts: int, vocab: int
) -> Path:
    folder.mkdir()
    config = {
        "model_type": "mixtral" if experts else "llama",
        "vocab_size": vocab,
        "hidden_size": WIDTH,
        "intermediate_size": FFN,
        "num_hidden_layers": layers,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": HEAD,
        "max_position_embeddings": 512,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": tied,
        "torch_dtype": "float32",
        **({"num_local_experts": experts, "num_experts_per_tok": 2} if experts else {}),
    }
    (folder / "config.json").write_text(json.dumps(config))
    write_safetensors(folder / "model.safetensors", dict(values))
    return folder
