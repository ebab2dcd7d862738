"""What checkpoints call the matrices of attention to latents, as all programs that have it do: those of keys and of
values of a head one after the other, heads in turns. Knows no family."""

from __future__ import annotations

from causerie.checkpoint.expression import Expression, Rows, Tensor, Transposed
from causerie.checkpoint.head_rows import Turns, Unpermuted
from causerie.models.names import Table
from causerie.spec.decoder import Decoder

_ATTENTION = "model.layers.{i}.self_attn."


def latent_names(spec: Decoder, *, in_pairs: bool = True) -> Table:
    """The table of the mixers; empty where no layer attends to latents. What turns does so `in_pairs` side by side, or
    as it does here, in halves."""
    mixer = next(spec.latent_attentions, None)
    if mixer is None:
        return {}
    rank, plain, dims = mixer.rank, mixer.plain_dim, mixer.rope.dims
    queries = Tensor(_ATTENTION + ("q_proj.weight" if mixer.query_rank is None else "q_b_proj.weight"))

    def turning(rows: Expression, heads: int) -> Expression:
        return Unpermuted(rows, heads) if in_pairs else rows

    table: dict[str, str | Expression] = {
        "q": Turns(queries, 0, plain, plain + dims),
        "q_turning": turning(Turns(queries, plain, plain + dims, plain + dims), mixer.heads),
        "latent_norm": _ATTENTION + "kv_a_layernorm.weight",
    }
    if mixer.query_rank is not None:
        table["query_norm"] = _ATTENTION + "q_a_layernorm.weight"
    for ours, theirs in (("", "weight"), ("_bias", "bias")):
        both = Tensor(f"{_ATTENTION}kv_a_proj_with_mqa.{theirs}")
        table[f"latent{ours}"] = Turns(both, 0, rank, rank + dims)
        table[f"k_turning{ours}"] = turning(Turns(both, rank, rank + dims, rank + dims), 1)
        table[f"query{ours}"] = f"{_ATTENTION}q_a_proj.{theirs}"
        table[f"o{ours}"] = f"{_ATTENTION}o_proj.{theirs}"
    of_heads = Tensor(_ATTENTION + "kv_b_proj.weight")
    for head in range(mixer.heads):
        start = head * (plain + mixer.value_dim)
        table[f"keys.{head}"] = Transposed(Rows(of_heads, start, start + plain))
        table[f"values.{head}"] = Rows(of_heads, start + plain, start + plain + mixer.value_dim)
    return {f"layers.{{i}}.mixer.{ours}": theirs for ours, theirs in table.items()}
