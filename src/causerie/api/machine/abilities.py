"""What this machine and this install can run, and why the rest cannot. Imports torch only where its devices are asked
for. Knows no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING

from causerie.errors import CauserieError
from causerie.plan.hardware import Hardware
from causerie.settings import Settings

if TYPE_CHECKING:
    from causerie.backends.torch.devices import Device


@dataclass(frozen=True)
class NativeState:
    """Whether the native backend runs here, and why or why not; `lacking` is what the processor lacks for each
    instruction set, None for those that it has."""

    runs: bool
    reason: str
    instruction_set: str | None = None  # the one that is taken
    lacking: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class TorchState:
    """Whether torch is there, and why or why not, and its devices where they were asked for."""

    runs: bool
    reason: str
    devices: Sequence[Device] | None = None


def hardware() -> Hardware:
    """The processor and the memory, as far as this process may use them."""
    return Hardware.probe()


def model_memory() -> int:
    """What a model may take of this machine's memory now."""
    machine = hardware()
    return machine.memory_total if machine.memory_free is None else machine.memory_free


def thread_count(asked: int | None, settings: Settings) -> int:
    """How many threads compute: those that were `asked` for, else those of the environment, else the cores that this
    process may keep busy (a container may have been given less than the machine's)."""
    return asked or settings.threads or Hardware.probe().cores


def native_state(settings: Settings) -> NativeState:
    """The native backend: which instruction set it takes, and what the processor lacks for the others."""
    from causerie.backends.native import library

    try:
        sets = library.instruction_sets()
        best = library.choose(settings.instruction_set)
    except CauserieError as error:
        return NativeState(False, str(error))
    forced = settings.instruction_set is not None
    reason = "CAUSERIE_INSTRUCTION_SET asks for it" if forced else "the fastest that this processor has"
    return NativeState(True, reason, best.name, {each.name: each.lacking for each in sets})


def torch_state(*, devices: bool = False) -> TorchState:
    """The torch backend: whether it is installed and, if asked, its devices, for which torch is imported."""
    if find_spec("torch") is None:
        return TorchState(False, "torch is not installed: pip install 'causerie[torch]'")
    reason = f"torch {package_version('torch')} is installed"
    if not devices:
        return TorchState(True, reason)
    from causerie.backends.torch.devices import devices as torch_devices

    return TorchState(True, reason, torch_devices())


def package_version(name: str) -> str | None:
    """The version of an installed package; None where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version  # brings email and sockets, 20 ms of a start

    try:
        return version(name)
    except PackageNotFoundError:
        return None
