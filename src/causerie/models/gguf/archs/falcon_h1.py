"""Falcon-H1: attention and Mamba-2 side by side. What is multiplied elsewhere is in the weights already."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, plain_names
from causerie.models.gguf.recurrence_names import mamba2_names
from causerie.models.gguf.values import attention_biased, biased, dense, mamba2
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """Both parts of a mixer, beside what all have, of which one lacks its ending."""
    table = plain_names(m, spec) | {OURS + "ffn_norm": BLOCK + "ffn_norm"}
    beside = f"{OURS}mixer.attention."
    table |= {f"{beside}{name}{kind}": table[f"{OURS}mixer.{name}{kind}"] for name in "qkvo" for kind in ("", "_bias")}
    return table | mamba2_names(spec)


@gguf_architecture("falcon-h1", weights=weights)
def falcon_h1(m: Metadata) -> dict[str, Any]:
    """Falcon-H1 0.5B to 34B."""
    return (
        dense(m, "falcon_h1")
        | mamba2(m)
        | {
            "mamba_d_ssm": m.integer("ssm.inner_size"),
            "mamba_rms_norm": m.holds("blk.0.ssm_norm.weight"),
            "mamba_norm_before_gate": False,
            "attention_bias": attention_biased(m),
            "mlp_bias": biased(m, "ffn_up"),
            "projectors_bias": biased(m, "ssm_out"),
        }
    )
