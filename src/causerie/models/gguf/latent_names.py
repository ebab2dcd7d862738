"""What GGUF files call the matrices of attention to latents. Those that make keys and values of them are in one tensor
of old files; in newer ones each is a stack of all heads', that of keys the other way round, as it is used here. Knows
no architecture."""

from __future__ import annotations

from collections.abc import Callable

from causerie.checkpoint.expression import Expression, Place
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, Entries
from causerie.models.latent_names import latent_names
from causerie.spec.decoder import Decoder

_THEIRS = {
    "q_proj": "attn_q",
    "q_a_proj": "attn_q_a",
    "q_b_proj": "attn_q_b",
    "q_a_layernorm": "attn_q_a_norm",
    "kv_a_proj_with_mqa": "attn_kv_a_mqa",
    "kv_a_layernorm": "attn_kv_a_norm",
    "kv_b_proj": "attn_kv_b",
    "o_proj": "attn_output",
}


def gguf_latent_names(m: Metadata, spec: Decoder, *, in_pairs: bool = True) -> Entries:
    """The table of the mixers. What turns does so `in_pairs` side by side, or as it does here, in halves."""
    mixer = next(spec.latent_attentions)
    table = {ours: _renamed(said, _tensor) for ours, said in latent_names(spec, in_pairs=in_pairs).items()}
    if not m.holds_in_blocks("attn_kv_b.weight"):
        for head in range(mixer.heads):
            table[f"{OURS}mixer.keys.{head}"] = Place(BLOCK + "attn_k_b.weight", head)
            table[f"{OURS}mixer.values.{head}"] = Place(BLOCK + "attn_v_b.weight", head)
    return table


def _tensor(name: str) -> str:
    module, _, kind = name.rpartition("self_attn.")[2].rpartition(".")
    return f"{BLOCK}{_THEIRS[module]}.{kind}"


def _renamed(said: str | Expression, rename: Callable[[str], str]) -> str | Expression:
    return rename(said) if isinstance(said, str) else said.named(rename)
