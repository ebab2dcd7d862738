"""Which devices torch has here, how much memory is free on them, and which to take. Knows no model."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from causerie.errors import BackendUnavailable, Unsupported, unknown

ROOM = 1.1  # a device is taken by itself only if it has this many times what is needed free


@dataclass(frozen=True)
class Device:
    """One place where tensors can be. `reason` is a sentence for `causerie info`."""

    name: str  # "cpu", "cuda:0", "mps"
    usable: bool
    reason: str
    free_bytes: int = 0
    total_bytes: int = 0


def devices() -> list[Device]:
    """Every device, the fastest kind first; a kind that cannot be used is listed once, with why."""
    return [*_cuda(), *_mps(), _cpu()]


def pick(device_map: str | None, needed_bytes: int) -> Device:
    """The device that `device_map` means: "auto" is the first accelerator with room for `needed_bytes`, else the CPU;
    "cuda" the CUDA device with most room. Raises UnknownName, Unsupported, or BackendUnavailable with the reason."""
    present = devices()
    if device_map in (None, "auto"):
        accelerators = [device for device in present if device.usable and device.name != "cpu"]
        return next((d for d in accelerators if d.free_bytes >= ROOM * needed_bytes), present[-1])
    if device_map in ("balanced", "balanced_low_0", "sequential", "disk"):
        raise Unsupported(
            f"device_map={device_map!r} spreads a model over several devices, which this version does not do. "
            "Use 'auto', 'cpu', 'cuda' or 'cuda:N'."
        )
    if device_map == "cuda":
        usable = [device for device in present if device.usable and device.name.startswith("cuda")]
        if not usable:
            raise _unavailable("cuda", next(device for device in present if device.name.startswith("cuda")).reason)
        return max(usable, key=lambda device: device.free_bytes)
    name = require(str(device_map))
    return next(device for device in present if device.name == name)


def require(name: str) -> str:
    """The full name of a device ("cuda" is "cuda:0", "mps:0" is "mps"). Raises UnknownName, or BackendUnavailable with
    the reason."""
    full = {"cuda": "cuda:0", "mps:0": "mps"}.get(name, name)
    kind = full.partition(":")[0]
    present = devices()
    device = next((device for device in present if device.name == full), None)
    if device is None:
        unusable = next((d for d in present if d.name == kind and not d.usable), None)
        if unusable is not None and full.removeprefix("cuda:").isdigit():
            raise _unavailable(full, unusable.reason)
        raise unknown("device", name, ["auto", "cuda", *(device.name for device in present)])
    if not device.usable:
        raise _unavailable(full, device.reason)
    return full


def free_bytes(name: str) -> int:
    """Bytes free on a device."""
    return next(device.free_bytes for device in devices() if device.name == name)


def _unavailable(name: str, reason: str) -> BackendUnavailable:
    return BackendUnavailable(f"Device {name!r} cannot be used: {reason} Use device_map='cpu'.")


def _cuda() -> list[Device]:
    if torch.version.cuda is None and torch.version.hip is None:
        return [Device("cuda", False, "this torch is built without CUDA.")]
    count = torch.cuda.device_count()
    if count == 0:
        return [Device("cuda", False, "torch sees no CUDA device; is a GPU and its driver there?")]
    cards: list[Device] = []
    for i in range(count):
        try:
            free, total = torch.cuda.mem_get_info(i)
        except RuntimeError as fault:
            cards.append(Device(f"cuda:{i}", False, f"the driver refuses it: {fault}"))
            continue
        label = torch.cuda.get_device_name(i)
        cards.append(Device(f"cuda:{i}", True, f"{label}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free.", free, total))
    return cards


def _mps() -> list[Device]:
    if not torch.backends.mps.is_built():
        return [Device("mps", False, "this torch is built without Apple's GPUs.")]
    if not torch.backends.mps.is_available():
        return [Device("mps", False, "torch is built for Apple GPUs and finds none it can use.")]
    total = torch.mps.recommended_max_memory()
    free = max(0, total - torch.mps.driver_allocated_memory())
    return [Device("mps", True, f"Apple GPU, {free / 1e9:.1f} GB free.", free, total)]


def _cpu() -> Device:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free = _available() or total
    return Device("cpu", True, f"{free / 1e9:.1f} of {total / 1e9:.1f} GB free.", free, total)


def _available() -> int | None:
    """What Linux could give without swapping: counts file caches, which the kernel drops first; None elsewhere."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            entry = next((line for line in lines if line.startswith("MemAvailable:")), None)
    except OSError:
        return None
    return None if entry is None else int(entry.split()[1]) * 1024
