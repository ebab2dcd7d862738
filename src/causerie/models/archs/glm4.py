"""GLM 4-0414: GLM 4 with norms before and after each half."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs import glm
from causerie.models.config import Config
from causerie.models.names import Table
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

_NORMS = {
    "layers.{i}.mixer_norm_after": "model.layers.{i}.post_self_attn_layernorm.weight",
    "layers.{i}.ffn_norm_after": "model.layers.{i}.post_mlp_layernorm.weight",
}


def weights(spec: Decoder) -> Table:
    """Those of GLM 4, and two more norms."""
    return {**glm.weights(spec), **_NORMS}


@architecture("glm4", weights=weights)
def glm4(c: Config) -> Decoder:
    """GLM-4-0414 and GLM-Z1 9B and 32B."""
    spec = glm.glm(c)
    return replace(spec, layers=tuple(replace(layer, norm_after=spec.norm) for layer in spec.layers))
