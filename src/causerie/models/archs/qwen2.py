"""Qwen2 and Qwen2.5: Llama with biases on queries, keys and values, and a window on the upper layers if asked for."""

from __future__ import annotations

from collections.abc import Callable

from causerie.errors import ConfigError
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder


@architecture("qwen2", weights=LLAMA_WEIGHTS)
def qwen2(c: Config) -> Decoder:
    """Qwen2, Qwen2.5 and their kin."""
    return with_windows(c, llama_like(c, bias=True, kv_heads=32))


def _upper(layer: int, bound: int) -> bool:
    return layer >= bound


def with_windows(c: Config, spec: Decoder, slides: Callable[[int, int], bool] = _upper) -> Decoder:
    """`spec` with the window that each layer has: `layer_types` decides where it is given; else those that slide by
    their number and `max_window_layers`, of most families the layers from there on, provided `use_sliding_window` is
    true."""
    enabled = c.boolean("use_sliding_window", False)
    window = c.optional_integer("sliding_window", 4096, least=1 if enabled else 0)
    bound = c.integer("max_window_layers", 28, least=0)
    if not enabled:
        window = None
    kind = FULL if window is None else SLIDING
    kinds = layer_kinds(c, [kind if slides(i, bound) else FULL for i in range(len(spec.layers))])
    if window is None and SLIDING in kinds:
        raise ConfigError(
            f"{c.origin.name} has layers of type {SLIDING!r} in 'layer_types' and no window for them: it must set "
            "'use_sliding_window' = true and 'sliding_window'."
        )
    return with_kinds(spec, kinds, {SLIDING: {"window": window}})
