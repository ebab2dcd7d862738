"""The measurements of this machine: the ones that are kept, or new ones. Imports torch only where a driver of a
graphics card is there. Knows no model.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from causerie.api.loading.placement import gpu_seems_there
from causerie.api.machine.abilities import hardware, native_state, thread_count
from causerie.errors import BackendUnavailable
from causerie.plan.computer import Computer, Span
from causerie.plan.machine_record import FILE, Card, Fingerprint, MachineRecord
from causerie.settings import Settings


def record_folder(settings: Settings) -> Path:
    """Where measurements are kept."""
    return settings.caches


def record_file(settings: Settings) -> Path:
    """The file of them."""
    return record_folder(settings) / FILE


def kept_record(settings: Settings, threads: int | None = None) -> MachineRecord | None:
    """What was measured of this machine before; None where nothing was, or it is another machine now."""
    state = native_state(settings)
    if state.instruction_set is None:
        return None
    fingerprint = Fingerprint.of(hardware(), thread_count(threads, settings), state.instruction_set)
    return MachineRecord.load(record_folder(settings), fingerprint)


def kept_computer(settings: Settings) -> Computer | None:
    """What this machine is for models, as it was measured before; None where it was not."""
    record = kept_record(settings)
    return None if record is None else computer_of_record(record)


def machine_record(settings: Settings, *, again: bool = False) -> MachineRecord:
    """The kept one, or, where there is none or `again` is asked for, a new one, which is kept: that takes seconds.
    Raises BackendUnavailable where the native library cannot run."""
    record = None if again else kept_record(settings)
    if record is not None:
        return record
    state = native_state(settings)
    if state.instruction_set is None:
        raise BackendUnavailable(f"The native backend, which measures, cannot run here: {state.reason}")
    fingerprint = Fingerprint.of(hardware(), thread_count(None, settings), state.instruction_set)
    record = MachineRecord.measure(fingerprint, _cards())
    record.save(record_folder(settings))
    return record


def this_machine(settings: Settings) -> Computer:
    """What this machine is for models; measured first where it never was. Raises as `machine_record` does."""
    return computer_of_record(machine_record(settings))


def computer_of_record(record: MachineRecord) -> Computer:
    """The processor with the memory that is free now, or the graphics card with the most memory that torch can use."""
    if record.cards:
        from causerie.backends.torch.devices import free_bytes

        card = max(record.cards, key=lambda each: each.memory)
        bfloat16 = Span.of(card.operations["bfloat16"])
        peaks = {"bfloat16": bfloat16, "float32": bfloat16.times(0.5), "int8": bfloat16}
        return Computer(
            f"{card.label} ({card.name})", "gpu", free_bytes(card.name), Span.of(card.bandwidth), peaks, measured=True
        )
    from causerie.backends.native.backend import PACKS

    machine = hardware()
    free = machine.memory_total if machine.memory_free is None else machine.memory_free
    return record.computer(free, packs=record.fingerprint.instruction_set in PACKS)


def disk_free(folder: Path) -> int | None:
    """Bytes that the disk of a folder has free; None where the system does not say."""
    existing = next((computer for computer in (folder, *folder.parents) if computer.exists()), folder)
    try:
        return shutil.disk_usage(existing).free
    except OSError:
        return None


def _cards() -> list[Card]:
    if not gpu_seems_there() or find_spec("torch") is None:
        return []
    from causerie.backends.torch import meter
    from causerie.backends.torch.devices import devices

    usable = [device for device in devices() if device.usable and device.name != "cpu"]
    return [
        Card(
            each.name,
            each.reason.partition(",")[0],
            each.free_bytes,
            meter.bandwidth(each.name),
            {"bfloat16": meter.operations(each.name)},
        )
        for each in usable
    ]
