"""Mamba: layers of one part each, which remembers the whole text in a state of one size; nothing attends."""

from __future__ import annotations

from causerie.checkpoint.expression import Flattened, Rows, Tensor, Transposed
from causerie.models.config import MOST_LAYERS, Config
from causerie.models.names import Table, modules
from causerie.models.recurrence import BOUNDLESS, MOST_TAPS, conv_taps
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.layer import Layer
from causerie.spec.mamba import MOST_STATE, Mamba
from causerie.spec.mlp import NOTHING
from causerie.spec.norm import Norm

_OUTSIDE = {"embed": "backbone.embeddings", "norm": "backbone.norm_f", "head": "lm_head"}
_OLDER = {**_OUTSIDE, "embed": "backbone.embedding"}
_LAYER = {"mixer_norm": "norm", "mixer.step": "mixer.dt_proj", "mixer.out": "mixer.out_proj"}
_MIXER = "backbone.layers.{i}.mixer."


def weights(spec: Decoder) -> tuple[Table, ...]:
    """As transformers calls them, and the program that they were trained by."""
    mixer = spec.layers[0].mixer
    assert isinstance(mixer, Mamba)
    rows = {
        "in": ("in_proj.weight", 0, mixer.inner),
        "in_bias": ("in_proj.bias", 0, mixer.inner),
        "gate": ("in_proj.weight", mixer.inner, 2 * mixer.inner),
        "gate_bias": ("in_proj.bias", mixer.inner, 2 * mixer.inner),
        "rank": ("x_proj.weight", 0, mixer.rank),
        "both": ("x_proj.weight", mixer.rank, mixer.rank + 2 * mixer.state),
    }
    own = {
        **{f"layers.{{i}}.mixer.{ours}": Rows(Tensor(_MIXER + name), *at) for ours, (name, *at) in rows.items()},
        "layers.{i}.mixer.conv": conv_taps(_MIXER + "conv1d.weight"),
        "layers.{i}.mixer.conv_bias": Tensor(_MIXER + "conv1d.bias"),
        "layers.{i}.mixer.shrinking": Flattened(Transposed(Tensor(_MIXER + "A_log"))),
        "layers.{i}.mixer.skip": Tensor(_MIXER + "D"),
    }
    return tuple({**modules(each, "backbone.layers.", _LAYER), **own} for each in (_OUTSIDE, _OLDER))


@architecture("mamba", weights=weights)
def mamba(c: Config) -> Decoder:
    """Mamba 130M to 2.8B."""
    return mamba_like(c)


def mamba_like(c: Config, inner_norm: Norm | None = None) -> Decoder:
    """The part that Falcon-Mamba shares, whose mixers have norms inside."""
    c.expect("hidden_act", "silu")
    c.leave("time_step_scale", "time_step_min", "time_step_max", "time_step_floor")
    width, norm = c.integer("hidden_size", 768), Norm(c.number("layer_norm_epsilon", 1e-5, above=False))
    inner = int(c.number("expand", 2) * width)
    for same in ("intermediate_size", "d_inner"):
        c.expect(same, inner)
    c.expect("d_model", width)
    automatic = c.says("time_step_rank", "auto") or not c.has("time_step_rank")
    mixer = Mamba(
        inner=inner,
        state=c.integer("state_size", 16, most=MOST_STATE),
        rank=-(-width // 16) if automatic else c.integer("time_step_rank"),
        taps=c.integer("conv_kernel", 4, least=2, most=MOST_TAPS),
        conv_bias=c.boolean("use_conv_bias", True),
        bias=c.boolean("use_bias", False),
        inner_norm=inner_norm,
    )
    layers = c.integer("num_hidden_layers", 32, most=MOST_LAYERS)
    c.expect("n_layer", layers)
    return Decoder(
        family=c.family,
        vocab=c.integer("vocab_size", 50280),
        width=width,
        layers=(Layer(mixer, NOTHING, norm),) * layers,
        norm=norm,
        tied=c.boolean("tie_word_embeddings", True),
        context=BOUNDLESS,
    )
