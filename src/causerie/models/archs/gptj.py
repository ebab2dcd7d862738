"""GPT-J: a plain feed-forward layer beside the attention, both behind one layer norm; a part of each head turns, in
pairs side by side."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.gpt2 import NAMES
from causerie.models.archs.llama import layer_norm, llama_like
from causerie.models.config import Config
from causerie.models.names import Table, in_halves, modules
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.rope import Rope

_TABLE = modules(
    {"embed": "transformer.wte", "norm": "transformer.ln_f", "head": "lm_head"},
    "transformer.h.",
    {
        "mixer_norm": "ln_1",
        "mixer.q": "attn.q_proj",
        "mixer.k": "attn.k_proj",
        "mixer.v": "attn.v_proj",
        "mixer.o": "attn.out_proj",
        "ffn.up": "mlp.fc_in",
        "ffn.down": "mlp.fc_out",
    },
)
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 50400,
    "hidden_size": 4096,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "max_position_embeddings": 2048,
}


def weights(spec: Decoder) -> Table:
    """Heads turn element beside element in the files: each is put in halves."""
    return in_halves(_TABLE, next(spec.attentions))


@architecture("gptj", weights=weights)
def gptj(c: Config) -> Decoder:
    """GPT-J 6B and what was made of it."""
    c.rename(NAMES)
    c.assume(DEFAULTS)
    c.expect("rotary", True)  # keys of the program that it was trained by
    c.expect("scale_attn_weights", True)
    context = c.integer("max_position_embeddings")
    spec = llama_like(
        c,
        mlp_bias=True,
        rope=lambda head_dim: Rope(1e4, c.integer("rotary_dim", 64, most=head_dim), context),
        default_act="gelu_new",
        norm=layer_norm(c, "layer_norm_epsilon"),
        gated=False,
        hidden=4 * c.integer("hidden_size"),
    )
    return replace(spec.each_layer(parallel="one norm"), head_bias=True)
