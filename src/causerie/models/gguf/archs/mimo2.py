"""MiMo-V2-Flash and V2.5: values narrower than keys, sliding layers that have key heads of their own number, and
experts. Behind the layers stand several heads to guess with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from causerie.checkpoint.expression import Columns, Tensor
from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, Entries, plain_names, rows_of
from causerie.models.gguf.rotation import rotation
from causerie.models.gguf.values import SIGMOID, alike, attention_biased, heads_by_kind, sizes
from causerie.models.layer_kinds import DENSE, FULL, SLIDING, SPARSE
from causerie.models.names import Table
from causerie.spec.attention import Attention
from causerie.spec.decoder import Decoder
from causerie.spec.draft_head import draft_prefix
from causerie.spec.layer import Layer

_NORMS = {"token_norm": "nextn.enorm", "state_norm": "nextn.hnorm", "norm": "layer_output_norm"}


def weights(m: Metadata, spec: Decoder) -> Table:
    """With the heads to guess with, each of which is a block of its own. V2.5 has queries, keys and values of a layer
    in one tensor, in sliding layers more rows of it."""
    table, head = dict(plain_names(m, spec)), spec.draft_head
    blocks = [*spec.layers, *(() if head is None else [head.block] * head.count)]
    for number in range(len(blocks) - len(spec.layers)):
        table |= _head_names(len(spec.layers) + number, draft_prefix(number), spec.width)
    if m.holds_in_blocks("attn_qkv.weight"):
        for number, block in enumerate(blocks):
            table |= _fused_names(number, block)
    return table


def _fused_names(number: int, block: Layer) -> Entries:
    mixer = block.mixer
    assert isinstance(mixer, Attention)
    rows = {"q": mixer.query_width, "k": mixer.key_width, "v": mixer.value_width}
    place = f"blk.{number}.attn_qkv."
    both = {"": rows_of(place + "weight", rows), "_bias": rows_of(place + "bias", rows)}
    return {f"layers.{number}.mixer.{name}{kind}": cut for kind, cuts in both.items() for name, cut in cuts.items()}


def _head_names(block: int, prefix: str, width: int) -> Entries:
    place = BLOCK.replace("{i}", str(block))
    both = Tensor(f"{place}nextn.eh_proj.weight")
    return {
        **{prefix + ours: f"{place}{theirs}.weight" for ours, theirs in _NORMS.items()},
        f"{prefix}token": Columns(both, 0, width),
        f"{prefix}state": Columns(both, width, 2 * width),
    }


@gguf_architecture("mimo2", weights=weights)
def mimo2(m: Metadata) -> dict[str, Any]:
    """Files count, as the size of a window, the tokens before the one that looks, as first files of the family do."""
    values = {"model_type": "mimo_v2_flash", **sizes(m)}
    layers, blocks = values["num_hidden_layers"], m.integer("block_count")
    count = m.integer("expert_count")
    m.expect("expert_gating_func", 0, SIGMOID)
    m.expect("expert_weights_norm", True)
    slides = m.booleans("attention.sliding_window_pattern", blocks)[:layers]
    return (
        values
        | _heads(m, slides)
        | {
            "attention_bias": attention_biased(m),
            "attention_value_scale": m.number("attention.value_scale", 0.0) or None,
            "intermediate_size": alike(m, "feed_forward_length"),
            "sliding_window": m.integer("attention.sliding_window") + 1,
            "layer_types": [SLIDING if each else FULL for each in slides],
            "mlp_layer_types": [SPARSE if m.holds(f"blk.{i}.ffn_gate_inp.weight") else DENSE for i in range(layers)],
            "n_routed_experts": count,
            "num_experts_per_tok": m.integer("expert_used_count", most=count),
            "n_group": m.integer("expert_group_count", 1),
            "topk_group": m.integer("expert_group_used_count", 1),
            "moe_intermediate_size": alike(m, "expert_feed_forward_length"),
            "routed_scaling_factor": m.number("expert_weights_scale", 0.0) or 1.0,
        }
    )


def _heads(m: Metadata, slides: Sequence[bool]) -> dict[str, Any]:
    """Those of layers that see everything, and how many keys sliding ones have."""
    size = m.integer("attention.key_length")
    full, sliding = heads_by_kind(m, "attention.head_count_kv", slides)
    turns = rotation(m, size, 5e6)
    local = {"rope_type": "default", "rope_theta": m.number("rope.freq_base_swa", 10000.0, least=1.0)}
    return {
        "num_attention_heads": alike(m, "attention.head_count"),
        "num_key_value_heads": full,
        "swa_num_key_value_heads": sliding,
        "head_dim": size,
        "v_head_dim": m.integer("attention.value_length"),
        "rope_parameters": {
            FULL: turns,
            SLIDING: local | {"partial_rotary_factor": turns["partial_rotary_factor"]},
        },
    }
