"""What GGUF files call the weights of mixers that remember, and of layers that convolve. What converting did to their
numbers is undone: how fast states shrink is stored as -exp of what checkpoints say. Knows no architecture."""

from __future__ import annotations

from collections.abc import Callable

from causerie.checkpoint.elementwise import LogOfNegated
from causerie.checkpoint.expression import Expression, Flattened, Rows, Tensor, Transposed
from causerie.models.gguf.names import BLOCK, OURS, Entries, rows_of
from causerie.models.recurrence import mamba2_weights
from causerie.spec.decoder import Decoder
from causerie.spec.mamba import Mamba

_PLACE = "mixer"
_MAMBA2 = {
    "in_proj.": "ssm_in.",
    "conv1d.": "ssm_conv1d.",
    "dt_bias": "ssm_dt.bias",
    "A_log": "ssm_a",
    "norm.": "ssm_norm.",
    "out_proj.": "ssm_out.",
    "D": "ssm_d",
}
TAPS = Flattened(Transposed(Tensor(BLOCK + "ssm_conv1d.weight")))
"""Of a convolution, which files have channel by channel."""


def mamba2_names(spec: Decoder) -> Entries:
    """Of Mamba-2's mixers, alone or beside attention; empty where no layer has one."""
    table = {ours: _renamed(said, _mamba2_tensor) for ours, said in mamba2_weights(spec, _PLACE).items()}
    for ours in table:
        name = ours.rpartition(".")[2]
        if name == "conv":
            table[ours] = TAPS
        elif name == "shrinking":
            table[ours] = LogOfNegated(Flattened(Tensor(BLOCK + "ssm_a")))
        elif name == "skip":
            table[ours] = Flattened(Tensor(BLOCK + "ssm_d"))
        elif name == "norm":
            table[ours] = Flattened(Tensor(BLOCK + "ssm_norm.weight"))
    return table


def mamba_names(spec: Decoder) -> Entries:
    """Of Mamba's mixers."""
    mixer = next(layer.mixer for layer in spec.layers if isinstance(layer.mixer, Mamba))
    halves = {"in": mixer.inner, "gate": mixer.inner}
    table: Entries = {
        **rows_of(BLOCK + "ssm_in.weight", halves),
        **{f"{name}_bias": rows for name, rows in rows_of(BLOCK + "ssm_in.bias", halves).items()},
        "rank": Rows(Tensor(BLOCK + "ssm_x.weight"), 0, mixer.rank),
        "both": Rows(Tensor(BLOCK + "ssm_x.weight"), mixer.rank, mixer.rank + 2 * mixer.state),
        "conv": TAPS,
        "conv_bias": BLOCK + "ssm_conv1d.bias",
        "shrinking": LogOfNegated(Flattened(Transposed(Tensor(BLOCK + "ssm_a")))),
        "skip": BLOCK + "ssm_d",
        "step": BLOCK + "ssm_dt.weight",
        "step_bias": BLOCK + "ssm_dt.bias",
        "out": BLOCK + "ssm_out.weight",
        "out_bias": BLOCK + "ssm_out.bias",
    }
    return {f"{OURS}mixer.{ours}": theirs for ours, theirs in table.items()}


SHORT_CONV: Entries = {
    OURS + "mixer.in": BLOCK + "shortconv.in_proj.weight",
    OURS + "mixer.in_bias": BLOCK + "shortconv.in_proj.bias",
    OURS + "mixer.conv": Flattened(Transposed(Tensor(BLOCK + "shortconv.conv.weight"))),
    OURS + "mixer.conv_bias": BLOCK + "shortconv.conv.bias",
    OURS + "mixer.out": BLOCK + "shortconv.out_proj.weight",
    OURS + "mixer.out_bias": BLOCK + "shortconv.out_proj.bias",
}
"""Of layers that convolve."""


def _mamba2_tensor(name: str) -> str:
    theirs = name.removeprefix(f"{_PLACE}.")
    start = next(each for each in _MAMBA2 if theirs.startswith(each))
    return BLOCK + _MAMBA2[start] + theirs.removeprefix(start)


def _renamed(said: str | Expression, rename: Callable[[str], str]) -> str | Expression:
    return rename(said) if isinstance(said, str) else said.named(rename)
