"""Shapes of released models, and of small ones like them: their config.json, and the names and shapes of their tensors.

Knows no number of any tensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Any

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
QWEN = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "use_sliding_window": False,
    "max_window_layers": 21,
    "sliding_window": None,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0,
}
LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "attention_bias": False,
    "mlp_bias": False,
    "rms_norm_eps": 1e-5,
    "rope_theta": 500000.0,
    "rope_scaling": None,
}
GPT_OSS = {
    "architectures": ["GptOssForCausalLM"],
    "model_type": "gpt_oss",
    "attention_bias": True,
    "head_dim": 64,
    "layer_types": ["sliding_attention", "full_attention"] * 2,
    "sliding_window": 128,
    "num_local_experts": 32,
    "num_experts_per_tok": 4,
    "rms_norm_eps": 1e-5,
    "rope_theta": 150000.0,
    "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "original_max_position_embeddings": 4096, "truncate": False},
    "swiglu_limit": 7.0,
    "quantization_config": {"quant_method": "mxfp4"},
    "tie_word_embeddings": False,
}
QWEN_MOE = {
    "architectures": ["Qwen3MoeForCausalLM"],
    "model_type": "qwen3_moe",
    "attention_bias": False,
    "decoder_sparse_step": 1,
    "max_window_layers": 48,
    "mlp_only_layers": [],
    "norm_topk_prob": True,
    "output_router_logits": False,
    "rms_norm_eps": 1e-6,
    "rope_scaling": None,
    "rope_theta": 1000000.0,
    "router_aux_loss_coef": 0.001,
    "sliding_window": None,
    "use_sliding_window": False,
    "tie_word_embeddings": False,
}


def shape(vocab: int, width: int, hidden: int, layers: int, heads: tuple[int, int], context: int) -> dict[str, Any]:
    """The keys of config.json that say how large a model is; `heads` are those of queries and of keys."""
    return {
        "vocab_size": vocab,
        "hidden_size": width,
        "intermediate_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads[0],
        "num_key_value_heads": heads[1],
        "max_position_embeddings": context,
    }


def experts(head_dim: int, count: int, active: int, hidden: int) -> dict[str, Any]:
    """What Qwen3 with experts says besides; `hidden` is the size of one."""
    sizes = {"num_experts": count, "num_experts_per_tok": active, "moe_intermediate_size": hidden}
    return QWEN_MOE | sizes | {"head_dim": head_dim}


SHAPES = {
    "tiny": QWEN | shape(1024, 128, 256, 2, (4, 2), 8192),
    "qwen2.5-0.5b": QWEN | shape(151936, 896, 4864, 24, (14, 2), 32768),
    "llama-3.2-1b": LLAMA | shape(128256, 2048, 8192, 16, (32, 8), 131072),
    "tiny-gpt-oss": GPT_OSS | shape(1024, 128, 64, 4, (4, 2), 131072),
    "gpt-oss-4-layers": GPT_OSS | shape(32768, 2880, 2880, 4, (64, 8), 131072),
    "tiny-qwen3-moe": shape(1024, 128, 256, 2, (4, 2), 8192) | experts(32, 8, 2, 64),
    "qwen3-30b-a3b": shape(151936, 2048, 6144, 48, (32, 4), 40960) | experts(128, 128, 8, 768),
}


def config(name: str, layers: int | None = None, experts: int | None = None) -> dict[str, Any]:
    """config.json of a shape, or of one with so many layers, and experts in each. Raises SystemExit for experts where
    it has none."""
    common = {
        "hidden_act": "silu",
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "bos_token_id": None,
        "eos_token_id": used_tokens(SHAPES[name]["vocab_size"]) - len(SPECIAL) + SPECIAL.index("<|im_end|>"),
    }
    found = common | SHAPES[name]
    if layers is not None:
        found["num_hidden_layers"] = layers
        if "layer_types" in found:
            found["layer_types"] = [kind for kind, _ in zip(cycle(found["layer_types"]), range(layers), strict=False)]
    if experts is not None:
        (key,) = [key for key in ("num_experts", "num_local_experts") if key in found] or [None]
        if key is None:
            raise SystemExit(f"{name} has no experts, of which --experts says how many there are.")
        found[key] = experts
    return found


def used_tokens(vocab: int) -> int:
    """Tokens of the tokenizer; the rest of the table is padding, as in released models."""
    return vocab - vocab // 512


def tensors(found: dict[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every tensor of the checkpoint by its released name, with its shape."""
    width, hidden, heads = found["hidden_size"], found["intermediate_size"], found["num_attention_heads"]
    head_width = heads * found.get("head_dim", width // heads)
    kv_width = head_width // heads * found["num_key_value_heads"]
    stacked, alone = found.get("num_local_experts"), found.get("num_experts", 0)
    yield "model.embed_tokens.weight", (found["vocab_size"], width)
    yield "model.norm.weight", (width,)
    if not found["tie_word_embeddings"]:
        yield "lm_head.weight", (found["vocab_size"], width)
    for i in range(found["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        yield layer + "input_layernorm.weight", (width,)
        yield layer + "post_attention_layernorm.weight", (width,)
        for name, rows in (("q", head_width), ("k", kv_width), ("v", kv_width)):
            yield layer + f"self_attn.{name}_proj.weight", (rows, width)
            if found["model_type"] == "qwen2" or stacked:
                yield layer + f"self_attn.{name}_proj.bias", (rows,)
        yield layer + "self_attn.o_proj.weight", (width, head_width)
        if alone:
            yield from qwen_experts(layer, found)
            continue
        if stacked:
            yield layer + "self_attn.o_proj.bias", (width,)
            yield layer + "self_attn.sinks", (heads,)
            yield layer + "mlp.router.weight", (stacked, width)
            yield layer + "mlp.router.bias", (stacked,)
            for name, rows, inputs in (("gate_up_proj", 2 * hidden, width), ("down_proj", width, hidden)):
                yield layer + f"mlp.experts.{name}_blocks", (stacked, rows, inputs // 32, 16)
                yield layer + f"mlp.experts.{name}_scales", (stacked, rows, inputs // 32)
                yield layer + f"mlp.experts.{name}_bias", (stacked, rows)
            continue
        yield layer + "mlp.gate_proj.weight", (hidden, width)
        yield layer + "mlp.up_proj.weight", (hidden, width)
        yield layer + "mlp.down_proj.weight", (width, hidden)


def qwen_experts(layer: str, found: dict[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Those of one layer, and what only models with them have in its attention."""
    width, hidden = found["hidden_size"], found["moe_intermediate_size"]
    for name in ("q", "k"):
        yield layer + f"self_attn.{name}_norm.weight", (found["head_dim"],)
    yield layer + "mlp.gate.weight", (found["num_experts"], width)
    for e in range(found["num_experts"]):
        for name, rows, inputs in (("gate", hidden, width), ("up", hidden, width), ("down", width, hidden)):
            yield layer + f"mlp.experts.{e}.{name}_proj.weight", (rows, inputs)


def is_bytes(name: str) -> bool:
    """Whether a tensor holds codes or scales of MXFP4."""
    return name.endswith(("_blocks", "_scales"))
