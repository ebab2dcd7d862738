"""The network that is trained: a small llama decoder in plain torch, with the weight names of a llama checkpoint.

It knows shapes and arithmetic only: nothing of tokens' meaning, of files, or of how it is trained. The arithmetic is
that of `LlamaForCausalLM` (RMS norm, rotary positions in the half-split layout, grouped-query attention, SwiGLU, tied
head), so that the saved weights give the same logits there.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """The sizes of the network. `vocab` is in tokens, `context` in positions, the rest in channels or counts."""

    vocab: int
    width: int = 256
    layers: int = 6
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    ffn: int = 768
    context: int = 2048
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5

    def hf_config(self, bos: int, eos: int, pad: int) -> dict[str, object]:
        """`config.json` of a llama checkpoint with these sizes; bos, eos and pad are token ids."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": self.vocab,
            "hidden_size": self.width,
            "intermediate_size": self.ffn,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "max_position_embeddings": self.context,
            "rms_norm_eps": self.norm_eps,
            "rope_theta": self.rope_theta,
            "rope_scaling": None,
            "attention_bias": False,
            "attention_dropout": 0.0,
            "mlp_bias": False,
            "initializer_range": 0.02,
            "tie_word_embeddings": True,
            "use_cache": True,
            "bos_token_id": bos,
            "eos_token_id": eos,
            "pad_token_id": pad,
            "torch_dtype": "bfloat16",
        }

    def as_dict(self) -> dict[str, float | int]:
        return asdict(self)


class Norm(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.eps)


def rotary(shape: Shape, positions: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """cos and sin of the rotary angles, [positions, head_dim]; half-split layout: both halves hold the same angles."""
    inverse = shape.rope_theta ** -(torch.arange(0, shape.head_dim, 2, device=device).float() / shape.head_dim)
    angles = torch.outer(torch.arange(positions, device=device).float(), inverse)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn x [batch, heads, positions, head_dim] by its position."""
    a, b = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-b, a], dim=-1) * sin


def future(length: int, device: torch.device) -> Tensor:
    """What is added to scores [length, length] so that no position sees a later one: 0 or minus infinity."""
    return torch.full((length, length), -torch.inf, device=device).triu(1)


class Attention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        q, kv = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        self.q_proj = nn.Linear(shape.width, q, bias=False)
        self.k_proj = nn.Linear(shape.width, kv, bias=False)
        self.v_proj = nn.Linear(shape.width, kv, bias=False)
        self.o_proj = nn.Linear(q, shape.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q, k, v = (
            proj(x).view(batch, length, -1, self.shape.head_dim).transpose(1, 2)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        # Scores are written out: for some hundreds of positions two products and a softmax take a third of the time of
        # torch's flash attention on a CPU. The query heads that share a key are rows of one product.
        rows = q.reshape(batch, self.shape.kv_heads, -1, self.shape.head_dim) * self.shape.head_dim**-0.5
        scores = (rows @ k.transpose(2, 3)).view(*q.shape[:3], length)
        weights = (scores + future(length, x.device)).softmax(-1).to(v.dtype)
        out = (weights.view(*rows.shape[:3], length) @ v).view(q.shape)
        return self.o_proj(out.transpose(1, 2).reshape(batch, length, -1))


class MLP(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.ffn, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.ffn, bias=False)
        self.down_proj = nn.Linear(shape.ffn, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = Norm(shape.width, shape.norm_eps)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = Norm(shape.width, shape.norm_eps)
        self.mlp = MLP(shape)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Trunk(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocab, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width, shape.norm_eps)


class Network(nn.Module):
    """Tokens in, logits out. Parameters have the names of a llama checkpoint (`model.layers.0.mlp.up_proj.weight`)."""

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        super().__init__()
        self.shape = shape
        self.model = Trunk(shape)
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                # Residual writers start small, so that depth does not grow the stream (the GPT-2 rule).
                scale = (2 * shape.layers) ** -0.5 if name.endswith(("o_proj.weight", "down_proj.weight")) else 1.0
                std = 0.02 if "embed" in name else scale * parameter.shape[1] ** -0.5
                nn.init.normal_(parameter, std=std, generator=generator)

    def hidden(self, tokens: Tensor) -> Tensor:
        """tokens [batch, length] → normed hidden states [batch, length, width]; causal, positions from 0."""
        x = self.model.embed_tokens(tokens)
        cos, sin = rotary(self.shape, tokens.shape[1], tokens.device)
        if torch.is_autocast_enabled(tokens.device.type):
            half = torch.get_autocast_dtype(tokens.device.type)
            x, cos, sin = x.to(half), cos.to(half), sin.to(half)
        for layer in self.model.layers:
            x = layer(x, cos, sin)
        return self.model.norm(x)

    def forward(self, tokens: Tensor, where: Tensor | None = None) -> Tensor:
        """Logits of every position, or only of the positions where the boolean `where` [batch, length] is set."""
        x = self.hidden(tokens)
        if where is not None:
            x = x[where]
        return F.linear(x, self.model.embed_tokens.weight)
