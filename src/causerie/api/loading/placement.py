"""Which backend a model runs on, and where: from the options of loading, what is installed and what has room.

Torch is imported only when it is asked for or a GPU seems to be there, for that alone takes seconds. Knows no weights.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from causerie.api.machine.abilities import thread_count
from causerie.api.options.load_options import BACKENDS, LoadOptions
from causerie.backends.ops import Backend
from causerie.errors import BackendUnavailable, PlacementNotice, UsageError, unknown
from causerie.settings import Settings

_INSTALL = "Install it with: pip install 'causerie[torch]'."
# Files that a driver of a GPU that torch can use puts there: NVIDIA's on Linux and in WSL, AMD's.
_DRIVER_FILES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


@dataclass(frozen=True)
class InFewerBits:
    """The precision of a model that takes the least memory, and how much."""

    precision: str
    needed_bytes: int


def choose(
    options: LoadOptions,
    needed_bytes: int,
    settings: Settings,
    fewer: Callable[[], InFewerBits | None] = lambda: None,
) -> Backend:
    """The backend, ready to take a model of `needed_bytes`. Raises BackendUnavailable with the reason, UnknownName.

    "auto" takes a GPU that torch sees and that has room, if need be for the model in `fewer` bits where it may be
    quantized, else the CPU: through the native backend, or through torch where that cannot run, with a warning that
    says why. Warns too where a GPU had room for the model in fewer bits, and nobody said that it may be quantized."""
    backend = options.backend or (settings.backend if options.device in ("auto", "cpu") else None)
    if backend is not None and backend not in BACKENDS:
        raise unknown("backend", backend, BACKENDS)
    if options.device == "cpu" or backend == "native":
        return _torch("cpu", options) if backend == "torch" else _on_cpu(options, settings, backend)
    if options.device != "auto" or backend == "torch":
        return _torch(options.device, options, needed_bytes)
    if gpu_seems_there() and find_spec("torch") is not None:
        from causerie.backends.torch.devices import pick

        device = pick("auto", needed_bytes).name
        if device != "cpu":
            return _torch(device, options)
        if (least := fewer()) is not None and (device := pick("auto", least.needed_bytes).name) != "cpu":
            if options.quantization == "auto":
                return _torch(device, options)
            _tell_of_gpu(device, needed_bytes, least)
    return _on_cpu(options, settings, None)


def _tell_of_gpu(device: str, needed_bytes: int, least: InFewerBits) -> None:
    from causerie.backends.torch.devices import free_bytes

    warnings.warn(
        f"The model needs {needed_bytes / 1e9:.2f} GB and {device} has {free_bytes(device) / 1e9:.2f} GB free, "
        f"so the CPU computes. In {least.precision} it fits there, with {least.needed_bytes / 1e9:.2f} GB: "
        "quantization='auto' (--quantization auto) takes the most exact precision that does.",
        PlacementNotice,
        stacklevel=5,
    )


def gpu_seems_there() -> bool:
    """Whether files of a driver are there: torch, which knows for certain, takes seconds to ask."""
    return sys.platform == "darwin" or any(Path(file).exists() for file in _DRIVER_FILES)


def packs_bfloat16(backend: Backend) -> bool:
    """Whether a backend holds bfloat16 matrices in 12 bits."""
    from causerie.backends.native.backend import NativeBackend

    return isinstance(backend, NativeBackend) and backend.packs


def _on_cpu(options: LoadOptions, settings: Settings, backend: str | None) -> Backend:
    try:
        from causerie.backends.native.backend import NativeBackend

        return NativeBackend(thread_count(options.threads, settings), settings.instruction_set, options.packing)
    except (BackendUnavailable, ImportError) as reason:
        if backend == "native" or find_spec("torch") is None:
            advice = (
                "" if find_spec("torch") is not None else f" Torch, which could stand in, is not installed. {_INSTALL}"
            )
            raise BackendUnavailable(f"The native backend cannot run here: {reason}{advice}") from reason
        warnings.warn(f"The native backend cannot run here, so torch computes, more slowly: {reason}", stacklevel=5)
        return _torch("cpu", replace(options, threads=None, packing=None))  # the caller counted on the native backend's


def _torch(device: str, options: LoadOptions, needed_bytes: int | None = None) -> Backend:
    if find_spec("torch") is None:
        raise BackendUnavailable(f"Device {device!r} needs torch, which is not installed. {_INSTALL}")
    if options.threads is not None:
        raise UsageError("threads counts those of the native backend; torch has torch.set_num_threads. Leave it out.")
    if options.packing == "lossless":
        raise UsageError("packing='lossless' is how the native backend can hold bfloat16; torch cannot. Leave it out.")
    from causerie.backends.torch.backend import TorchBackend
    from causerie.backends.torch.devices import pick

    return TorchBackend(device if needed_bytes is None else pick(device, needed_bytes).name)
