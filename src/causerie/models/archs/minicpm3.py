"""MiniCPM 3: Llama with attention to latents, whose embedding, halves and logits are each multiplied by a number that
the config says or its sizes give."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.latent_config import read_latents
from causerie.models.latent_names import latent_names
from causerie.models.names import LLAMA_WEIGHTS, Table
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 73448,
    "hidden_size": 2560,
    "intermediate_size": 6400,
    "num_hidden_layers": 62,
    "num_attention_heads": 40,
    "q_lora_rank": 768,
    "kv_lora_rank": 256,
    "qk_nope_head_dim": 64,
    "qk_rope_head_dim": 32,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": True,
}


def weights(spec: Decoder) -> Table:
    """Llama's names, and those of latents."""
    return {**LLAMA_WEIGHTS, **latent_names(spec, in_pairs=False)}


@architecture("minicpm3", weights=weights)
def minicpm3(c: Config) -> Decoder:
    """MiniCPM3 4B."""
    c.assume(DEFAULTS)
    width, heads = c.integer("hidden_size"), c.integer("num_attention_heads")
    latents = read_latents(c, value_dim=width // heads)
    spec = llama_like(c, latents=latents, mlp_bias=c.boolean("mlp_bias", False))
    depth = c.optional_number("scale_depth", absent=1.4)
    base = c.optional_integer("dim_model_base", 256) or width
    spec = spec.each_layer(residual_scale=1.0 if depth is None else depth * len(spec.layers) ** -0.5)
    return replace(spec, embedding_scale=c.number("scale_emb", 12.0), logits_scale=base / width)
