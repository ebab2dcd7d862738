"""Greedy decoding of many prompts at once with the training network, for evaluations.

Prompts of like length go together, padded on the right; keys and values of past positions are kept, and a mask hides
what a row has not reached. Nothing of this is used by the installed program.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from training.network import Attention, Network, rotary, rotate


class Rows:
    """Some prompts while they are answered: their keys and values, [rows, kv heads, positions, head_dim] per layer."""

    def __init__(self, network: Network, rows: int, positions: int) -> None:
        shape = network.shape
        self.network = network
        self.cos, self.sin = rotary(shape, positions, torch.device("cpu"))
        size = (rows, shape.kv_heads, positions, shape.head_dim)
        self.kept = [(torch.zeros(size), torch.zeros(size)) for _ in range(shape.layers)]

    def attend(self, layer: Attention, kept: tuple[Tensor, Tensor], x: Tensor, at: Tensor, most: int) -> Tensor:
        """Attention of x [rows, new, width] at positions `at` [rows, new] over the first `most` positions."""
        rows, new, _ = x.shape
        shape = layer.shape
        q, k, v = (
            proj(x).view(rows, new, -1, shape.head_dim).transpose(1, 2)
            for proj in (layer.q_proj, layer.k_proj, layer.v_proj)
        )
        cos, sin = self.cos[at].unsqueeze(1), self.sin[at].unsqueeze(1)
        row = torch.arange(rows).unsqueeze(1)
        kept[0][row, :, at] = rotate(k, cos, sin).transpose(1, 2)
        kept[1][row, :, at] = v.transpose(1, 2)
        group = shape.heads // shape.kv_heads
        keys, values = (part[:, :, :most].repeat_interleave(group, dim=1) for part in kept)
        seen = torch.arange(most) <= at.unsqueeze(-1)
        out = F.scaled_dot_product_attention(rotate(q, cos, sin), keys, values, attn_mask=seen.unsqueeze(1))
        return layer.o_proj(out.transpose(1, 2).reshape(rows, new, -1))

    def step(self, tokens: Tensor, at: Tensor, last: Tensor) -> Tensor:
        """The likeliest token after position `last` [rows] (an index into tokens [rows, new]) of each row."""
        trunk = self.network.model
        x = trunk.embed_tokens(tokens)
        most = int(at.max()) + 1
        for layer, kept in zip(trunk.layers, self.kept, strict=True):
            x = x + self.attend(layer.self_attn, kept, layer.input_layernorm(x), at, most)
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        chosen = trunk.norm(x[torch.arange(len(x)), last])
        return F.linear(chosen, trunk.embed_tokens.weight).argmax(-1)


@torch.inference_mode()
def greedy(network: Network, prompts: list[list[int]], end: int, limit: int = 96, rows: int = 64) -> list[list[int]]:
    """The likeliest continuation of each prompt, up to `end` (left out) or `limit` tokens."""
    answers: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for start in range(0, len(order), rows):
        chosen = order[start : start + rows]
        lengths = torch.tensor([len(prompts[i]) for i in chosen])
        longest = int(lengths.max())
        running = Rows(network, len(chosen), longest + limit)
        tokens = torch.tensor([prompts[i] + [end] * (longest - len(prompts[i])) for i in chosen])
        next_tokens = running.step(tokens, torch.arange(longest).expand(len(chosen), -1), lengths - 1)
        done = torch.zeros(len(chosen), dtype=torch.bool)
        for taken in range(limit):
            done |= next_tokens == end
            if done.all():
                break
            for row, i in enumerate(chosen):
                if not done[row]:
                    answers[i].append(int(next_tokens[row]))
            at = (lengths + taken).unsqueeze(1)
            next_tokens = running.step(next_tokens.unsqueeze(1), at, torch.zeros_like(lengths))
    return answers
