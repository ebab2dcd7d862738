"""How a model is held and where it runs, in one value: what from_pretrained, the pipeline, the terminal, the server,
the benchmark, the evaluation and saving hand on to loading.

Checks every option when it is made. Knows no model and no backend.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import fspath
from typing import Any, Literal

from causerie.api.options.quantization import quant_config
from causerie.api.options.speculation import SPECULATION
from causerie.api.options.torch_names import cache_dtype_name, device_name, dtype_name
from causerie.backends.ops import PACKINGS
from causerie.errors import UsageError, unknown
from causerie.quant.config import QuantConfig

BACKENDS = ("native", "torch")
RANDOM, NO_CALIBRATION = "random", "none"
"""Of `calibrate`: random tokens; no measurement."""
AUTO_DRAFT, NO_DRAFT = "auto", "none"
"""Of `draft`: a model in the cache that can; nobody."""


@dataclass(frozen=True)
class LoadOptions:
    """Options of loading; None leaves a choice to the library. `read` takes them as callers spell them."""

    dtype: str = "auto"  # of what is not quantized; "auto": the checkpoint's
    device: str = "auto"  # "auto", "cpu", "cuda", "cuda:0", …
    backend: str | None = None  # one of BACKENDS; None: the best for the device
    threads: int | None = None  # the native backend's
    packing: str | None = None  # how that holds bfloat16: one of ops.PACKINGS; None: as is faster
    quantization: QuantConfig | Literal["auto"] | None = None  # "auto": as it is stored where that fits, else as does
    calibrate: str | None = None  # by what it is quantized: NO_CALIBRATION, a text file, or RANDOM (also when None)
    cache_dtype: str | None = None  # None: as dtype has it
    max_cache_tokens: int | None = None  # positions over all requests
    expert_memory: int | None = None  # bytes of experts in memory, where a prepared model's stay in their file
    keep_cache: int | None = None  # bytes on the disk for what the cache has of chats that ended; None keeps nothing
    speculation: str = "auto"  # of requests that do not say; one of speculation.SPECULATION
    draft: str | None = None  # the folder or id of a model that guesses for it, or AUTO_DRAFT
    strict: bool = False  # config keys and tensors that no family computes by are errors

    def __post_init__(self) -> None:
        if self.backend is not None and self.backend not in BACKENDS:
            raise unknown("backend", self.backend, BACKENDS)
        if self.backend == "native" and self.device not in ("auto", "cpu"):
            raise UsageError(
                f"backend='native' runs on the CPU; for {self.device} use backend='torch', or leave it out."
            )
        if self.packing is not None and self.packing not in PACKINGS:
            raise unknown("packing", self.packing, PACKINGS)
        if self.speculation not in SPECULATION:
            raise unknown("speculation", self.speculation, SPECULATION)
        if self.draft is not None and self.speculation == "off":
            raise UsageError("speculation='off' guesses nothing, so draft would do nothing. Leave one out.")
        if self.threads is not None and (not isinstance(self.threads, int) or self.threads < 1):
            raise UsageError(f"threads is {self.threads!r}; it must be a whole number of at least 1.")

    @property
    def holds_head(self) -> bool:
        """Whether the head is held that a checkpoint may ship to guess with."""
        return self.speculation in ("auto", "mtp")

    @classmethod
    def read(
        cls,
        *,
        dtype: Any = None,
        device: Any = None,
        quantization: Any = None,
        quantization_config: Any = None,
        calibrate: Any = None,
        cache_dtype: Any = None,
        backend: str | None = None,
        threads: int | None = None,
        packing: str | None = None,
        max_cache_tokens: int | None = None,
        expert_memory: int | None = None,
        keep_cache: int | None = None,
        speculation: str | None = None,
        draft: str | None = None,
        strict: bool = False,
    ) -> LoadOptions:
        """The options as from_pretrained takes them: texts or torch's objects, None where the caller sets nothing.
        Raises UnknownName, UsageError, Unsupported."""
        fits = isinstance(quantization, str) and quantization == "auto" and quantization_config is None
        return cls(
            dtype=dtype_name(dtype),
            device=device_name(device),
            backend=backend,
            threads=threads,
            packing=packing,
            quantization="auto" if fits else quant_config(quantization, quantization_config),
            calibrate=None if calibrate is None else fspath(calibrate),
            cache_dtype=cache_dtype_name(cache_dtype),
            max_cache_tokens=max_cache_tokens,
            expert_memory=expert_memory,
            keep_cache=keep_cache,
            speculation="auto" if speculation is None else speculation,
            draft=None if draft == NO_DRAFT else draft,
            strict=strict,
        )

    def format_named(self, what: str) -> QuantConfig | None:
        """The quantization for `what`, which loads no model. Raises UsageError where it is to be chosen by the memory
        that is free."""
        if self.quantization == "auto":
            raise UsageError(
                f"quantization='auto' chooses by the memory that is free when a model is loaded, and {what} loads "
                "none. Name a format, such as int8 or int4."
            )
        return self.quantization
