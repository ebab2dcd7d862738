"""GPT-Neo: GPT-2 with matrices of their own for queries, keys and values, whose scores are as they are; every second
layer sees a window."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import layer_norm, llama_like
from causerie.models.config import Config
from causerie.models.layer_kinds import layer_kinds, with_kinds
from causerie.models.names import modules
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.positions import Positions

_GLOBAL, _LOCAL = "global", "local"
WEIGHTS = modules(
    {"embed": "transformer.wte", "positions": "transformer.wpe", "norm": "transformer.ln_f", "head": "lm_head"},
    "transformer.h.",
    {
        "mixer_norm": "ln_1",
        "mixer.q": "attn.attention.q_proj",
        "mixer.k": "attn.attention.k_proj",
        "mixer.v": "attn.attention.v_proj",
        "mixer.o": "attn.attention.out_proj",
        "ffn_norm": "ln_2",
        "ffn.up": "mlp.c_fc",
        "ffn.down": "mlp.c_proj",
    },
)
NAMES = {
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
    "hidden_act": "activation_function",
}
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 50257,
    "hidden_size": 2048,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": True,
}


@architecture("gpt_neo", weights=WEIGHTS)
def gpt_neo(c: Config) -> Decoder:
    """GPT-Neo 125M to 2.7B."""
    c.rename(NAMES)
    c.assume(DEFAULTS)
    spec = llama_like(
        c,
        out_bias=True,
        mlp_bias=True,
        rope=lambda head_dim: None,
        default_act="gelu_new",
        norm=layer_norm(c, "layer_norm_epsilon"),
        gated=False,
        hidden=4 * c.integer("hidden_size"),
    )
    spec = replace(spec.each_attention(scale=1.0), positions=Positions(spec.context))
    return with_kinds(spec, _kinds(c, len(spec.layers)), {_LOCAL: {"window": c.integer("window_size", 256)}})


def _kinds(c: Config, count: int) -> list[str]:
    """Files say them twice: one for each layer, and as words that are repeated so many times."""
    every = [[_GLOBAL], count]
    alike = c.says("attention_types", [every])
    kinds = [_LOCAL if i % 2 and not alike else _GLOBAL for i in range(count)]
    c.expect("attention_types", [every] if alike else [[[_GLOBAL, _LOCAL], count // 2]])
    if list(layer_kinds(c, kinds, (_GLOBAL, _LOCAL), "attention_layers")) != kinds or count % 2 > alike:
        raise c.wrong("attention_layers", c.words("attention_layers"), f"{kinds}, as 'attention_types' has it")
    return kinds
