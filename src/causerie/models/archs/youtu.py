"""Youtu-LLM: Llama with attention to latents."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.latent_config import read_latents
from causerie.models.latent_names import latent_names
from causerie.models.names import LLAMA_WEIGHTS, Table
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 128256,
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": True,
}


def weights(spec: Decoder) -> Table:
    """Llama's names, and those of latents."""
    return {**LLAMA_WEIGHTS, **latent_names(spec)}


@architecture("youtu", weights=weights)
def youtu(c: Config) -> Decoder:
    """Youtu-LLM 2B."""
    c.assume(DEFAULTS)
    c.expect("mlp_bias", False)
    return llama_like(c, latents=read_latents(c))
