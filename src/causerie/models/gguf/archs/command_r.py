"""Command R and R+, Aya. Heads turn in pairs, and so do their norms."""

from __future__ import annotations

from typing import Any

from causerie.checkpoint.expression import Flattened, Tensor
from causerie.checkpoint.head_rows import Unpermuted
from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, paired_names
from causerie.models.gguf.values import CENTERED, attention_biased, dense
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """Each head has a norm of its own."""
    table = paired_names(m, spec)
    mixer = next(spec.attentions)
    for name, heads in (("q", mixer.heads), ("k", mixer.kv_heads)):
        norms = Flattened(Tensor(f"{BLOCK}attn_{name}_norm.weight"))
        table[f"{OURS}mixer.{name}_norm"] = Unpermuted(norms, heads)
    return table


@gguf_architecture("command-r", weights=weights)
def command_r(m: Metadata) -> dict[str, Any]:
    """Norms of heads are there or not."""
    return dense(m, "cohere", "layer_norm_eps", CENTERED) | {
        "attention_bias": attention_biased(m),
        "use_qk_norm": m.holds("blk.0.attn_q_norm.weight"),
        "logit_scale": m.number("logit_scale", 0.0) or 1.0,
    }
