"""ERNIE 4.5 with experts. Heads turn in pairs."""

from __future__ import annotations

from typing import Any

from causerie.checkpoint.expression import Place
from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import OURS, paired_names
from causerie.models.gguf.values import dense, shared_width
from causerie.models.names import Table
from causerie.spec.decoder import Decoder

_BIASES = "blk.{i}.exp_probs_b.bias"


def weights(m: Metadata, spec: Decoder) -> Table:
    """What is added to scores before a choice is a matrix of one row in the files."""
    first = next((i for i, layer in enumerate(spec.layers) if layer.experts is not None), None)
    table = paired_names(m, spec)
    if first is not None and len(m.shape(_BIASES.replace("{i}", str(first)))) == 2:
        table[OURS + "ffn.choice_bias"] = Place(_BIASES, 0)
    return table


@gguf_architecture("ernie4_5-moe", weights=weights)
def ernie4_5_moe(m: Metadata) -> dict[str, Any]:
    """ERNIE 4.5 21B-A3B and 300B-A47B."""
    values = dense(m, "ernie4_5_moe")
    count, hidden = m.integer("expert_count"), m.integer("expert_feed_forward_length")
    m.leave("expert_shared_feed_forward_length")  # computed from other widths, and not always true
    shared = shared_width(m, values["num_hidden_layers"])
    return values | {
        "moe_num_experts": count,
        "moe_k": m.integer("expert_used_count", most=count),
        "moe_intermediate_size": hidden,
        "moe_num_shared_experts": m.integer("expert_shared_count", shared // hidden, least=0),
        "moe_layer_start_index": m.integer("leading_dense_block_count", 0, least=0),
        "moe_layer_interval": m.integer("interleave_moe_layer_step", 1),
    }
