"""`causerie info`: what this machine and this install can run, and why the rest cannot; `causerie info MODEL`: how a
model would be held here.

A report is a tree of plain values, printed as lines or as JSON. torch is not imported unless its devices are asked for.
Knows no model but the built-in one's folder.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys

import causerie
from causerie.cli.options.arguments import Parser, help_columns, load_options, set_loading_options
from causerie.cli.verbs import info_model
from causerie.cli.verbs.info_model import Report
from causerie.errors import UsageError
from causerie.settings import Settings

_DESCRIPTION = """\
What this machine and this install can run, and why the rest cannot: version, processor,
memory, backends, the built-in model's folder and where downloads are kept.

  causerie info --probe                    also measure what memory and arithmetic
                                           give; kept for `causerie fit`
  causerie info MODEL                      a model's size, and how its weights
                                           would be held; reads no weights
  causerie info MODEL --quantization int4  the same with another format"""
_LIBRARIES = ("numpy", "tokenizers", "jinja2", "huggingface_hub", "torch")


def parser(width: int | None = None) -> Parser:
    """The options; `width` is that of the help, default the terminal's."""
    columns = help_columns(width)
    made = Parser("causerie info", _DESCRIPTION, width=columns, usage="causerie info [MODEL] [options]")
    made.add_argument("model", nargs="?", metavar="MODEL", help="a folder, GGUF file, org/name or builtin, to tell of")
    made.add_loading_options("quantization", "dtype", "strict")
    made.add_argument("--json", action="store_true", help="the same as JSON, memory in bytes")
    made.add_argument("--probe", action="store_true", help="measure memory and arithmetic anew, which takes seconds")
    made.add_argument("--devices", action="store_true", help="also ask torch for its devices, which takes seconds")
    return made


def run(options: argparse.Namespace) -> int:
    """Prints the report, and returns the exit code. Raises CauserieError."""
    if options.model is not None:
        return _run_model(options)
    if names := set_loading_options(options):
        verb = "is" if len(names) == 1 else "are"
        raise UsageError(f"{', '.join(names)} {verb} of a model; name one, such as causerie info builtin.")
    report = gather(Settings.from_environment(), devices=options.devices, probe=options.probe)
    sys.stdout.write(json.dumps(report, indent=2) + "\n" if options.json else as_lines(report))
    return 0


def _run_model(options: argparse.Namespace) -> int:
    for option in ("devices", "probe"):
        if getattr(options, option):
            raise UsageError(f"--{option} is of this machine; ask without a model: causerie info --{option}.")
    report = info_model.gather(options.model, load_options(options))
    sys.stdout.write(json.dumps(report, indent=2) + "\n" if options.json else info_model.as_lines(report))
    return 0


def gather(settings: Settings, *, devices: bool = False, probe: bool = False) -> Report:
    """Everything there is to say. `devices` imports torch, where it is installed; `probe` measures the machine anew."""
    from causerie.api.machine.abilities import hardware, package_version, thread_count

    machine = hardware()
    why = "CAUSERIE_THREADS asks for them" if settings.threads else "the cores this process may keep busy"
    return {
        "version": causerie.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": {name: package_version(name) for name in _LIBRARIES},
        "processor": {
            "name": machine.processor,
            "cores": machine.cores,
            "physical_cores": machine.physical_cores,
            "threads": thread_count(None, settings),
            "threads_reason": why,
        },
        "memory": {"total_bytes": machine.memory_total, "free_bytes": machine.memory_free},
        "measured": _measured(settings, probe),
        "backends": {"native": _native(settings), "torch": _torch(devices)},
        "builtin_model": _builtin_model(),
        "downloads": _downloads(),
        "kept_caches": _kept_caches(settings),
    }


def _native(settings: Settings) -> Report:
    from causerie.api.machine.abilities import native_state

    state = native_state(settings)
    report: Report = {"runs": state.runs, "reason": state.reason}
    if state.runs:
        report |= {"instruction_set": state.instruction_set, "instruction_sets": dict(state.lacking)}
    return report


def _torch(devices: bool) -> Report:
    from causerie.api.machine.abilities import torch_state

    state = torch_state(devices=devices)
    report: Report = {"runs": state.runs, "reason": state.reason}
    if state.devices is not None:
        report["devices"] = {each.name: {"usable": each.usable, "reason": each.reason} for each in state.devices}
    return report


def _builtin_model() -> Report:
    from causerie.api.library.model_names import builtin_folder

    folder = builtin_folder()
    files = sorted(folder.glob("*")) if folder.is_dir() else []
    return {"folder": str(folder), "bytes": sum(file.stat().st_size for file in files), "found": bool(files)}


def _downloads() -> Report:
    from causerie.api.library.model_names import downloads, downloads_folder
    from causerie.api.machine.measurements import disk_free

    folder = downloads_folder()
    return {"folder": str(folder), "models": downloads(), "free_bytes": disk_free(folder)}


def _kept_caches(settings: Settings) -> Report:
    from causerie.api.loading.kept_cache import kept_bytes, kept_folder

    return {"folder": str(kept_folder(settings)), "bytes": kept_bytes(settings)}


def _measured(settings: Settings, probe: bool) -> Report | None:
    """What the machine gave when it was measured; None where it never was."""
    from causerie.api.machine.measurements import kept_record, machine_record, record_file

    record = machine_record(settings, again=True) if probe else kept_record(settings)
    if record is None:
        return None
    computer = record.computer(0, packs=False)
    return {
        "on": record.measured,
        "file": str(record_file(settings)),
        "bandwidth": vars(computer.bandwidth),
        "moves": record.moves,
        "operations": {kind: vars(span) for kind, span in computer.operations.items()},
        "cards": [vars(card) for card in record.cards],
    }


def as_lines(report: Report) -> str:
    """The report for people: one line for each thing, aligned, reasons behind the facts."""
    processor, memory, native = report["processor"], report["memory"], report["backends"]["native"]
    free = "unknown" if memory["free_bytes"] is None else f"{memory['free_bytes'] / 1e9:.1f}"
    rows = [
        ("causerie", f"{report['version']} (Python {report['python']}, {report['platform']})"),
        (
            "libraries",
            ", ".join(f"{name} {each or 'not installed'}" for name, each in report["libraries"].items()),
        ),
        ("processor", f"{processor['name']}, {processor['cores']} cores ({processor['physical_cores']} physical)"),
        ("threads", f"{processor['threads']}: {processor['threads_reason']}"),
        ("memory", f"{free} GB free of {memory['total_bytes'] / 1e9:.1f} GB"),
        *_measured_rows(report["measured"]),
        *_native_rows(native),
        *_torch_rows(report["backends"]["torch"]),
        ("built-in model", _model_line(report["builtin_model"])),
        ("downloads", _downloads_line(report["downloads"])),
        ("kept caches", _kept_caches_line(report["kept_caches"])),
    ]
    return "".join(f"{name:<16}{text}\n" for name, text in rows)


def _measured_rows(measured: Report | None) -> list[tuple[str, str]]:
    if measured is None:
        return [("measured", "not yet; causerie info --probe does it, in some seconds")]
    low, usual, high = (measured["bandwidth"][key] / 1e9 for key in ("low", "usual", "high"))
    moves = (
        f", between {low:.0f} and {high:.0f}: it moves, as on a machine that others use" if measured["moves"] else ""
    )
    peaks = [
        f"{kind} {span['usual'] / 1e9:,.0f} {'GOP/s' if kind == 'int8' else 'GFLOP/s'}"
        for kind, span in measured["operations"].items()
    ]
    rows = [("measured", f"memory {usual:.0f} GB/s{moves}"), ("", f"  {', '.join(peaks)}")]
    for card in measured["cards"]:
        rows.append(("", f"  {card['label']}: {card['memory'] / 1e9:.1f} GB free, {card['bandwidth'] / 1e9:,.0f} GB/s"))
    return [*rows, ("", f"  on {measured['on']}; causerie info --probe does it again")]


def _downloads_line(downloads: Report) -> str:
    free = "" if downloads["free_bytes"] is None else f", {downloads['free_bytes'] / 1e9:.1f} GB free on its disk"
    return f"{downloads['folder']} ({len(downloads['models'])} models{free})"


def _kept_caches_line(caches: Report) -> str:
    return f"{caches['folder']} ({caches['bytes'] / 1e6:,.1f} MB, of chats with --keep-cache)"


def _native_rows(native: Report) -> list[tuple[str, str]]:
    if not native["runs"]:
        return [("native backend", f"cannot run: {native['reason']}")]
    rows = [("native backend", f"runs with {native['instruction_set']}: {native['reason']}")]
    for name, lacking in native["instruction_sets"].items():
        rows.append(("", f"  {name:<14}{'can run' if lacking is None else f'cannot: {lacking}'}"))
    return rows


def _torch_rows(torch: Report) -> list[tuple[str, str]]:
    rows = [("torch backend", f"{'can run' if torch['runs'] else 'cannot run'}: {torch['reason']}")]
    for name, device in torch.get("devices", {}).items():
        rows.append(("", f"  {name:<14}{'' if device['usable'] else 'cannot: '}{device['reason']}"))
    if torch["runs"] and "devices" not in torch:
        rows.append(("", "  causerie info --devices asks it for its devices"))
    return rows


def _model_line(model: Report) -> str:
    if not model["found"]:
        return f"missing: {model['folder']} is empty, so this install is incomplete"
    return f"{model['folder']} ({model['bytes'] / 1e6:.1f} MB)"
