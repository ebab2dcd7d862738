"""Mixers that remember, as configs and checkpoints of several families say them. Knows no family."""

from __future__ import annotations

from collections.abc import Mapping

from causerie.checkpoint.expression import Expression, Flattened, Rows, Squeezed, Tensor, Transposed
from causerie.models.config import Config
from causerie.spec.decoder import Decoder
from causerie.spec.mamba2 import InputScales, Mamba2
from causerie.spec.norm import Norm
from causerie.spec.side_by_side import SideBySide

MOST_TAPS = 1024
BOUNDLESS = 2**20
"""The context of models whose layers all remember: nothing in them counts positions."""


def mamba2_mixer(
    c: Config,
    inner: int,
    norm: Norm | None,
    *,
    least_step: float = 0.0,
    bias: bool | None = None,
    out_bias: bool | None = None,
    gate_last: bool = False,
    scales: InputScales | None = None,
) -> Mamba2:
    """One with `inner` elements in all heads, whose sizes the config says by the keys of Bamba. Steps are
    also held above `least_step`. `bias` says whether matrices have one, in families that say it otherwise, `out_bias`
    whether the last one does, where that differs."""
    c.expect("hidden_act", "silu")
    c.leave("time_step_rank", "time_step_min", "time_step_max", "time_step_floor")
    c.integer("mamba_chunk_size", 256)  # how many positions a program reads together; the sum is the same
    heads = c.integer("mamba_n_heads", 128)
    shared_out = c.says("mamba_d_head", "auto") or not c.has("mamba_d_head")
    head_dim = inner // heads if shared_out else c.integer("mamba_d_head")
    if head_dim * heads != inner:
        raise c.wrong("mamba_n_heads", heads, f"a number of heads that are {inner} wide together")
    groups = c.integer("mamba_n_groups", 1)
    if heads % groups:
        raise c.wrong("mamba_n_groups", groups, f"a divisor of {heads}, the number of heads")
    bias = c.boolean("mamba_proj_bias", False) if bias is None else bias
    least, most = c.limits("time_step_limit")
    return Mamba2(
        heads=heads,
        head_dim=head_dim,
        state=c.integer("mamba_d_state", 256),
        groups=groups,
        taps=c.integer("mamba_d_conv", 4, least=2, most=MOST_TAPS),
        conv_bias=c.boolean("mamba_conv_bias", True),
        in_bias=bias,
        out_bias=bias if out_bias is None else out_bias,
        norm=norm,
        gate_last=gate_last,
        least_step=max(least, least_step),
        most_step=most,
        scales=scales or InputScales(),
    )


def conv_taps(tensor: str) -> Expression:
    """The taps of a convolution, which files have channel by channel."""
    return Flattened(Transposed(Squeezed(Tensor(tensor))))


def mamba2_weights(spec: Decoder, place: str) -> Mapping[str, str | Expression]:
    """What the files call the weights of Mamba-2's mixers, whose tensors lie under `place`; of layers that have nothing
    beside them, and of those that do."""
    own = _mamba2_of(spec)
    if own is None:
        return {}
    table: dict[str, str | Expression] = {}
    start = 0
    for name, rows in (("gate", own.inner), ("in", own.conv.channels), ("step", own.heads)):
        for kind, tensor in (("", "weight"), ("_bias", "bias")):
            table[name + kind] = Rows(Tensor(f"{place}.in_proj.{tensor}"), start, start + rows)
        start += rows
    table["conv"] = conv_taps(f"{place}.conv1d.weight")
    names = {"conv_bias": "conv1d.bias", "shrinking": "A_log", "skip": "D", "step_shift": "dt_bias"}
    names |= {"norm": "norm.weight", "out": "out_proj.weight", "out_bias": "out_proj.bias"}
    table |= {ours: f"{place}.{theirs}" for ours, theirs in names.items()}
    return {f"layers.{{i}}.mixer.{part}{ours}": said for part in ("", "recurrence.") for ours, said in table.items()}


def _mamba2_of(spec: Decoder) -> Mamba2 | None:
    """That of the first layer that has one; all of a decoder are alike."""
    mixers = (layer.mixer for layer in spec.layers)
    parts = (mixer.recurrence if isinstance(mixer, SideBySide) else mixer for mixer in mixers)
    return next((part for part in parts if isinstance(part, Mamba2)), None)
