"""The native backend: kernels on a pool of threads that lives as long as it does, and how matrices are to be held.

Knows no checkpoint and no model.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from causerie.backends.native import prepared
from causerie.backends.native.builder import NativeBuilder
from causerie.backends.native.encoder import GROUP, NativeEncoder
from causerie.backends.native.machine import Machine
from causerie.backends.native.program import BLOCK
from causerie.backends.ops import PACKINGS
from causerie.errors import unknown
from causerie.quant.encoder import Encoder
from causerie.quant.encoders import encoder_named
from causerie.quant.fitted import FittedEncoder
from causerie.spec.decoder import Decoder

PACKS = ("avx512_bf16", "avx512")  # where packed bfloat16 is faster than plain: measured, see LOG.md


def usable_cores() -> int:
    """How many cores the system lets this process use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class NativeBackend:
    """Implements `causerie.backends.ops.PreparingBackend` with our kernels on the CPU."""

    name = "native"
    device = "cpu"
    block_size = BLOCK
    layout_version = prepared.LAYOUT_VERSION

    def __init__(
        self, threads: int | None = None, instruction_set: str | None = None, packing: str | None = None
    ) -> None:
        """`threads` defaults to the usable cores, `instruction_set` to the fastest that can run. `packing` is how
        bfloat16 matrices are held: "lossless" in 12 bits a weight, "none" in 16, "auto" (also when None) as is faster;
        results are the same to the last bit. Raises BackendUnavailable, UnknownName or UsageError."""
        packing = packing or "auto"
        if packing not in PACKINGS:
            raise unknown("packing", packing, PACKINGS)
        self.machine = Machine(usable_cores() if threads is None else threads, instruction_set)
        self._packs = packing == "lossless" or (packing == "auto" and self.machine.instruction_set.name in PACKS)

    @property
    def packs(self) -> bool:
        """Whether it holds bfloat16 matrices in 12 bits."""
        return self._packs

    def builder(self, spec: Decoder, formats: Mapping[str, str], *, briefly: bool = False) -> NativeBuilder:
        """One arena for all weights; what is needed `briefly` is not packed. Raises OutOfMemory, or UnknownName for a
        format that is not known."""
        return NativeBuilder(self.machine, spec, formats, packs=self._packs and not briefly)

    def encoder(self, format: str) -> Encoder:
        """What quantizes to the format of this name, by kernels where there are some. Raises UnknownName."""
        known = encoder_named(format)
        if isinstance(known, FittedEncoder) and known.group == GROUP:
            return NativeEncoder(known, self.machine.instruction_set)
        return known

    def arranger(self, spec: Decoder, formats: Mapping[str, str]) -> NativeBuilder:
        """An arena for each weight that is placed, as long as it is there. Raises UnknownName for a format that is not
        known."""
        return NativeBuilder(self.machine, spec, formats, packs=self._packs, apart=True)
