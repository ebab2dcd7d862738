"""What attention to latents computes, in float64 numpy and as the paper has it: each head makes keys and values of the
latents, and nothing is absorbed into queries."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from causerie.models.rope import RopeTable
from causerie.spec.latent import LatentAttention
from causerie.spec.norm import Norm
from tests.kernels.decoders import Array


def latent_attention(mixer: LatentAttention, w: Mapping[str, Array], x: Array) -> Array:
    """Of the rows of one sequence from its beginning on: [n, width] → [n, width]."""
    n, heads = len(x), mixer.heads
    positions = np.arange(n, dtype=np.int32)
    cosine, sine = RopeTable((mixer.rope,)).rows(positions, positions)[0].astype(np.float64).swapaxes(0, 1)[:, :, None]

    def read(name: str, of: Array) -> Array:
        return np.asarray(of @ w[f"mixer.{name}"].T + w.get(f"mixer.{name}_bias", 0.0))

    def turned(of: Array) -> Array:
        a, b = np.split(of, 2, axis=-1)
        return np.concatenate([a * cosine - b * sine, b * cosine + a * sine], axis=-1)

    def normed(of: Array, name: str, norm: Norm) -> Array:
        return np.asarray(of / np.sqrt((of**2).mean(-1, keepdims=True) + norm.eps) * w[f"mixer.{name}"])

    query = x if mixer.query_rank is None else normed(read("query", x), "query_norm", mixer.norm)
    latent = normed(read("latent", x), "latent_norm", mixer.norm)
    keys, values = (np.stack([w[f"mixer.{name}.{h}"] for h in range(heads)]) for name in ("keys", "values"))
    scores = np.einsum("ihd,jhd->hij", read("q", query).reshape(n, heads, -1), np.einsum("jr,hrd->jhd", latent, keys))
    q_turned = turned(read("q_turning", query).reshape(n, heads, -1))
    k_turned = turned(read("k_turning", x)[:, None])[:, 0]
    scores = (scores + np.einsum("ihd,jd->hij", q_turned, k_turned)) * mixer.scale
    scores[:, positions[:, None] < positions[None, :]] = -np.inf
    chances = np.exp(scores - scores.max(-1, keepdims=True))
    chances /= chances.sum(-1, keepdims=True)
    mixed = np.einsum("hij,jhv->ihv", chances, np.einsum("jr,hvr->jhv", latent, values))
    return read("o", mixed.reshape(n, -1))
