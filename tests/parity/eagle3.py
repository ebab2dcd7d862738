"""EAGLE3 heads of random weights, and a plain reference of what one computes, after the description of its authors
(Li et al., 2025) and of the keys that checkpoints have beside: all rows anew at each call, in float32.

Knows nothing of ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import linear, silu

LAYER = {
    "model_type": "llama",
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 12,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "max_position_embeddings": 64,
    "vocab_size": 131,
    "hidden_act": "silu",
}


@dataclass(frozen=True)
class HeadCase:
    """What a head of random weights is like."""

    name: str
    target_width: int
    layer: Mapping[str, Any] = field(default_factory=dict)  # of its config, where it is not as LAYER says
    own: Mapping[str, Any] = field(default_factory=dict)  # further keys
    guessed: int = 40  # tokens
    speculators: bool = False
    embeds: bool = True
    seed: int = 0

    @property
    def block(self) -> str:
        """What the names of its first layer's tensors begin with."""
        return "layers.0." if self.speculators or self.layer.get("num_hidden_layers", 1) > 1 else "midlayer."

    @property
    def config(self) -> dict[str, Any]:
        """Its config.json."""
        layer = {**LAYER, **self.layer}
        own = {"draft_vocab_size": self.guessed, **self.own}
        if self.speculators:
            said = {"speculators_model_type": "eagle3", "architectures": ["Eagle3Speculator"], "dtype": "float32"}
            return {**said, **own, "transformer_layer_config": layer}
        return {"architectures": ["LlamaForCausalLMEagle3"], "torch_dtype": "float32", **layer, **own}

    def tensors(self) -> dict[str, Tensor]:
        """Its weights; norms around one."""
        c = {**LAYER, **self.layer}
        draw = torch.Generator().manual_seed(self.seed)
        width, hidden, taps = c["hidden_size"], c["intermediate_size"], 3 * self.target_width
        queries, keys = c["num_attention_heads"] * c["head_dim"], c["num_key_value_heads"] * c["head_dim"]

        def matrix(rows: int, columns: int) -> Tensor:
            return torch.randn(rows, columns, generator=draw) * 1.5 * columns**-0.5

        def norm(length: int) -> Tensor:
            return 0.4 + 1.2 * torch.rand(length, generator=draw)

        tensors = {"fc.weight": matrix(width, taps), "norm.weight": norm(width)}
        tensors["lm_head.weight"] = matrix(self.guessed, width)
        if self.own.get("norm_before_fc"):
            tensors["input_norm.weight"] = norm(taps)
        if self.embeds:
            tensors["embed_tokens.weight"] = matrix(c["vocab_size"], width)
        for i in range(c["num_hidden_layers"]):
            block, read = (self.block, 2 * width) if not i else (f"layers.{i}.", width)
            if not i:
                tensors[block + "hidden_norm.weight"] = norm(width)
            for name in ("input_layernorm", "post_attention_layernorm"):
                tensors[f"{block}{name}.weight"] = norm(width)
            for name, rows in (("q", queries), ("k", keys), ("v", keys)):
                tensors[f"{block}self_attn.{name}_proj.weight"] = matrix(rows, read)
                if c.get("attention_bias"):
                    tensors[f"{block}self_attn.{name}_proj.bias"] = torch.randn(rows, generator=draw) * 0.5
            tensors[block + "self_attn.o_proj.weight"] = matrix(width, queries)
            if c.get("attention_bias"):
                tensors[block + "self_attn.o_proj.bias"] = torch.randn(width, generator=draw) * 0.5
            if c["model_type"] == "qwen3":
                for name in "qk":
                    tensors[f"{block}self_attn.{name}_norm.weight"] = norm(c["head_dim"])
            for name, shape in (("gate", (hidden, width)), ("up", (hidden, width)), ("down", (width, hidden))):
                tensors[f"{block}mlp.{name}_proj.weight"] = matrix(*shape)
        if self.guessed != c["vocab_size"]:
            chosen = torch.randperm(c["vocab_size"], generator=draw)[: self.guessed].sort().values
            tensors["d2t"] = chosen - torch.arange(self.guessed)
            tensors["t2d"] = torch.zeros(c["vocab_size"], dtype=torch.bool).index_fill(0, chosen, True)
        return tensors

    def save(self, folder: Path) -> Path:
        """Writes its checkpoint."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.config))
        save_file(self.tensors(), folder / "model.safetensors")
        return folder


class Reference:
    """A head as it lies in a folder; `embedding` is that of its target, for one that has none of its own."""

    def __init__(self, folder: Path, embedding: Tensor) -> None:
        config = json.loads((folder / "config.json").read_text())
        self.c = {**config, **config.get("transformer_layer_config", {})}
        self.normed_residual = config.get("norm_before_residual", "transformer_layer_config" in config)
        tensors = load_file(folder / "model.safetensors")
        self.w = {name.replace("midlayer.", "layers.0."): tensor for name, tensor in tensors.items()}
        self.embedding = self.w.get("embed_tokens.weight", embedding)
        offsets = self.w.get("d2t", torch.zeros(len(self.w["lm_head.weight"]), dtype=torch.int64))
        self.tokens = offsets + torch.arange(len(offsets))

    def fused(self, states: Tensor) -> Tensor:
        """One row of those of three layers, [n, 3 · target width]."""
        if self.c.get("norm_before_fc"):
            states = self._norm(states, "input_norm")
        return linear(states, self.w["fc.weight"])

    def forward(self, given: Tensor, tokens: list[int]) -> tuple[Tensor, Tensor]:
        """Logits of the tokens that it may guess and rows before the last norm, at all positions from 0 on, of the
        fused rows (or its own ones) and the tokens that followed."""
        x = given
        embedded = self.embedding[torch.tensor(tokens)]
        for i in range(self.c["num_hidden_layers"]):
            block = f"layers.{i}."
            if i == 0:
                states = self._norm(x, block + "hidden_norm")
                read = torch.cat((self._norm(embedded, block + "input_layernorm"), states), dim=-1)
                x = states if self.normed_residual else x
            else:
                read = self._norm(x, block + "input_layernorm")
            x = x + self._attended(read, block + "self_attn.")
            h = self._norm(x, block + "post_attention_layernorm")
            gate, up = (linear(h, self.w[f"{block}mlp.{name}_proj.weight"]) for name in ("gate", "up"))
            x = x + linear(silu(gate) * up, self.w[block + "mlp.down_proj.weight"])
        return linear(self._norm(x, "norm"), self.w["lm_head.weight"]), x

    def _attended(self, x: Tensor, block: str) -> Tensor:
        dim, count = self.c["head_dim"], len(x)
        made = []
        for name in "qkv":
            weight, bias = self.w[f"{block}{name}_proj.weight"], self.w.get(f"{block}{name}_proj.bias")
            heads = linear(x, weight, bias).view(count, -1, dim).transpose(0, 1)
            if f"{block}{name}_norm.weight" in self.w:
                heads = self._norm(heads, f"{block}{name}_norm")
            made.append(heads if name == "v" else self._turned(heads))
        q, k, v = made
        k, v = (each.repeat_interleave(len(q) // len(k), dim=0) for each in (k, v))
        scores = q @ k.transpose(1, 2) * dim**-0.5
        future = torch.ones(count, count, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(future, -torch.inf).softmax(-1) @ v
        flat = mixed.transpose(0, 1).reshape(count, -1)
        return linear(flat, self.w[block + "o_proj.weight"], self.w.get(block + "o_proj.bias"))

    def _turned(self, heads: Tensor) -> Tensor:
        dim = heads.shape[-1]
        rates = self.c["rope_theta"] ** (-torch.arange(0, dim, 2) / dim)
        angles = torch.arange(heads.shape[1])[:, None] * rates
        angles = torch.cat((angles, angles), dim=-1)
        swapped = torch.cat((-heads[..., dim // 2 :], heads[..., : dim // 2]), dim=-1)
        return heads * angles.cos() + swapped * angles.sin()

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return x * (x.pow(2).mean(-1, keepdim=True) + self.c["rms_norm_eps"]).rsqrt() * self.w[f"{name}.weight"]
