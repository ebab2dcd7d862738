"""Mamba-2."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import plain_names
from causerie.models.gguf.recurrence_names import mamba2_names
from causerie.models.gguf.values import mamba2 as mamba2_values
from causerie.models.gguf.values import sizes
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """Those of its mixers beside what all have."""
    return plain_names(m, spec) | mamba2_names(spec)


@gguf_architecture("mamba2", weights=weights)
def mamba2(m: Metadata) -> dict[str, Any]:
    """Mamba-2 130M to 2.7B, Codestral Mamba 7B."""
    m.leave("attention.head_count", "feed_forward_length")
    values = sizes(m, "layer_norm_epsilon")
    values.pop("max_position_embeddings")
    mixers = mamba2_values(m)
    return values | {
        "model_type": "mamba2",
        "expand": m.integer("ssm.inner_size") / values["hidden_size"],
        "num_heads": mixers["mamba_n_heads"],
        "head_dim": mixers["mamba_d_head"],
        "n_groups": mixers["mamba_n_groups"],
        "state_size": mixers["mamba_d_state"],
        "conv_kernel": mixers["mamba_d_conv"],
        "use_conv_bias": mixers["mamba_conv_bias"],
        "use_bias": mixers["mamba_proj_bias"],
    }
