"""Mamba, and Falcon-Mamba, whose mixers have norms inside."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import plain_names
from causerie.models.gguf.recurrence_names import mamba_names
from causerie.models.gguf.values import biased, sizes
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """Those of its mixers beside what all have."""
    return plain_names(m, spec) | mamba_names(spec)


@gguf_architecture("mamba", weights=weights)
def mamba(m: Metadata) -> dict[str, Any]:
    """Mamba 130M to 2.8B, Falcon-Mamba 7B. The constant of norms inside is what Falcon-Mamba's config means."""
    normed = m.boolean("ssm.dt_b_c_rms", False)
    m.leave("attention.head_count", "feed_forward_length")
    values = sizes(m, "layer_norm_epsilon")
    values.pop("max_position_embeddings")
    inner = m.integer("ssm.inner_size")
    return values | {
        "model_type": "falcon_mamba" if normed else "mamba",
        "expand": inner / values["hidden_size"],
        "state_size": m.integer("ssm.state_size"),
        "conv_kernel": m.integer("ssm.conv_kernel"),
        "time_step_rank": m.integer("ssm.time_step_rank"),
        "use_conv_bias": biased(m, "ssm_conv1d"),
        "use_bias": biased(m, "ssm_in"),
    }
