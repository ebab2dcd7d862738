"""Mamba-2: layers of one part each, which remembers the whole text in a state of one size; nothing attends."""

from __future__ import annotations

from causerie.models.config import MOST_LAYERS, Config
from causerie.models.names import Table, modules
from causerie.models.recurrence import BOUNDLESS, mamba2_mixer, mamba2_weights
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.layer import Layer
from causerie.spec.mlp import NOTHING
from causerie.spec.norm import Norm

_OUTSIDE = {"embed": "backbone.embeddings", "norm": "backbone.norm_f", "head": "lm_head"}
_OLDER = {**_OUTSIDE, "embed": "backbone.embedding"}
NAMES = {
    "mamba_n_heads": "num_heads",
    "mamba_d_head": "head_dim",
    "mamba_n_groups": "n_groups",
    "mamba_d_state": "state_size",
    "mamba_d_conv": "conv_kernel",
    "mamba_conv_bias": "use_conv_bias",
    "mamba_chunk_size": "chunk_size",
}
DEFAULTS = {"head_dim": 64, "n_groups": 8, "state_size": 128}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """As transformers calls them, and the program that they were trained by."""
    mixers = mamba2_weights(spec, "backbone.layers.{i}.mixer")
    norms = {"mixer_norm": "norm"}
    return tuple({**modules(each, "backbone.layers.", norms), **mixers} for each in (_OUTSIDE, _OLDER))


@architecture("mamba2", weights=weights)
def mamba2(c: Config) -> Decoder:
    """Mamba-2 130M to 2.7B, Codestral Mamba 7B."""
    c.assume(DEFAULTS)
    c.rename(NAMES)
    width, norm = c.integer("hidden_size", 4096), Norm(c.number("layer_norm_epsilon", 1e-5, above=False))
    mixer = mamba2_mixer(c, int(c.number("expand", 2) * width), norm, bias=c.boolean("use_bias", False))
    return Decoder(
        family=c.family,
        vocab=c.integer("vocab_size", 32768),
        width=width,
        layers=(Layer(mixer, NOTHING, norm),) * c.integer("num_hidden_layers", 64, most=MOST_LAYERS),
        norm=norm,
        tied=c.boolean("tie_word_embeddings", False),
        context=BOUNDLESS,
    )
