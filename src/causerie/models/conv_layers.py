"""Layers of which some convolve, and the width of feed-forward layers beside them, as configs of LFM2 and its kin say
them. Knows no family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from causerie.models.config import MOST_SIZE, Config
from causerie.models.layer_kinds import CONV
from causerie.spec.decoder import Decoder
from causerie.spec.short_conv import ShortConv

_MOST_TAPS = 1024


def with_convolutions(c: Config, spec: Decoder, kinds: Sequence[str], taps: int) -> Decoder:
    """`spec` with short convolutions in the layers of that kind, in the place of attention; of `taps` where a config
    does not say."""
    count = c.integer("conv_L_cache", taps, least=2, most=_MOST_TAPS)
    conv = ShortConv(spec.width, count, c.boolean("conv_bias", False))
    layers = (
        replace(layer, mixer=conv if kind == CONV else layer.mixer)
        for layer, kind in zip(spec.layers, kinds, strict=True)
    )
    return replace(spec, layers=tuple(layers))


def adjusted_width(c: Config) -> int:
    """The width between the matrices of a feed-forward layer: two thirds of what the config says, in whole multiples,
    unless it is meant as it stands. Raises ConfigError for one that is nothing, or too much."""
    hidden = c.integer("intermediate_size")
    share, multiple = c.optional_number("block_ffn_dim_multiplier"), c.integer("block_multiple_of", 256)
    if c.boolean("block_auto_adjust_ff_dim", True):
        hidden = int(2 * hidden / 3)
        if share is not None:
            hidden = -(-int(share * hidden) // multiple) * multiple
        if not 1 <= hidden <= MOST_SIZE:
            raise c.wrong("block_ffn_dim_multiplier", share, f"a number that makes {hidden} one from 1 to {MOST_SIZE}")
    return hidden
