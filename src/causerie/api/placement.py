"""Which backend a model runs on, and where: from what the caller asked, what is installed and what has room.

Torch is imported only when it is asked for or a GPU seems to be there, for that alone takes seconds. Knows no weights.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from causerie.backends.ops import PACKINGS, Backend
from causerie.errors import BackendUnavailable, UsageError, unknown
from causerie.plan.hardware import Hardware
from causerie.settings import Settings

BACKENDS = ("native", "torch")
_INSTALL = "Install it with: pip install 'causerie[torch]'."
# Files that a driver of a GPU that torch can use puts there: NVIDIA's on Linux and in WSL, AMD's.
_DRIVER_FILES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


@dataclass(frozen=True)
class Request:
    """What the caller asked for."""

    device: str  # "auto", "cpu", "cuda", "cuda:0", …
    backend: str | None = None  # None: the best for the device
    threads: int | None = None
    packing: str | None = None  # how the native backend holds bfloat16: one of ops.PACKINGS; None: as is faster

    def __post_init__(self) -> None:
        if self.backend is not None and self.backend not in BACKENDS:
            raise unknown("backend", self.backend, BACKENDS)
        if self.backend == "native" and self.device not in ("auto", "cpu"):
            raise UsageError(
                f"backend='native' runs on the CPU; for {self.device} use backend='torch', or leave it out."
            )
        if self.packing is not None and self.packing not in PACKINGS:
            raise unknown("packing", self.packing, PACKINGS)
        if self.threads is not None and (not isinstance(self.threads, int) or self.threads < 1):
            raise UsageError(f"threads is {self.threads!r}; it must be a whole number of at least 1.")


def choose(request: Request, needed_bytes: int, settings: Settings) -> Backend:
    """The backend, ready to take weights of `needed_bytes`. Raises BackendUnavailable with the reason, UnknownName.

    "auto" takes a GPU that torch sees and that has room, else the CPU: through the native backend, or through torch
    where that cannot run, with a warning that says why."""
    wanted = request.backend or (settings.backend if request.device in ("auto", "cpu") else None)
    if wanted is not None and wanted not in BACKENDS:
        raise unknown("backend", wanted, BACKENDS)
    if request.device == "cpu" or wanted == "native":
        return _torch("cpu", request) if wanted == "torch" else _on_cpu(request, settings, wanted)
    if request.device != "auto" or wanted == "torch":
        return _torch(request.device, request, needed_bytes)
    if _gpu_seems_there() and find_spec("torch") is not None:
        from causerie.backends.torch.devices import pick

        device = pick("auto", needed_bytes).name
        if device != "cpu":
            return _torch(device, request)
    return _on_cpu(request, settings, None)


def _gpu_seems_there() -> bool:
    return sys.platform == "darwin" or any(Path(file).exists() for file in _DRIVER_FILES)


def _on_cpu(request: Request, settings: Settings, wanted: str | None) -> Backend:
    try:
        from causerie.backends.native.backend import NativeBackend

        # Not the machine's cores: a container may have been given less of their time.
        threads = request.threads or settings.threads or Hardware.probe().cores
        return NativeBackend(threads, settings.instruction_set, request.packing)
    except (BackendUnavailable, ImportError) as reason:
        if wanted == "native" or find_spec("torch") is None:
            advice = (
                "" if find_spec("torch") is not None else f" Torch, which could stand in, is not installed. {_INSTALL}"
            )
            raise BackendUnavailable(f"The native backend cannot run here: {reason}{advice}") from reason
        warnings.warn(f"The native backend cannot run here, so torch computes, more slowly: {reason}", stacklevel=5)
        return _torch("cpu", replace(request, threads=None, packing=None))  # the caller counted on the native backend's


def _torch(device: str, request: Request, needed_bytes: int | None = None) -> Backend:
    if find_spec("torch") is None:
        raise BackendUnavailable(f"Device {device!r} needs torch, which is not installed. {_INSTALL}")
    if request.threads is not None:
        raise UsageError("threads counts those of the native backend; torch has torch.set_num_threads. Leave it out.")
    if request.packing == "lossless":
        raise UsageError("packing='lossless' is how the native backend can hold bfloat16; torch cannot. Leave it out.")
    from causerie.backends.torch.backend import TorchBackend
    from causerie.backends.torch.devices import pick

    return TorchBackend(device if needed_bytes is None else pick(device, needed_bytes).name)
