"""docs/results.md from the records of bench/compare.py: medians with their spread, and ratios to the best peer.

A record is what compare.py wrote; nothing here measures. Only what lies between the two marks is written, so that the
document may say other things besides.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from peers.worker import OURS, PEERS, TITLES

BEGIN, END = "<!-- speed: written by bench/compare.py -->", "<!-- speed: end -->"
FASTER = ("prefill", "decode", "streams")  # measures in tokens per second; the others are seconds
Record = dict[str, Any]
Row = dict[str, Any]


def write_results(folder: Path, target: Path) -> None:
    """Writes the tables of the newest record of each model, and one line for each older one, into `target`."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    written = target.read_text(encoding="utf-8") if target.is_file() else f"# Results\n\n{BEGIN}\n{END}\n"
    before, _, rest = written.partition(BEGIN)
    after = rest.partition(END)[2]
    target.write_text(f"{before}{BEGIN}\n\n{tables(records)}\n{END}{after}", encoding="utf-8")


def tables(records: Sequence[Record]) -> str:
    """The whole section; records from the oldest to the newest."""
    parts = [
        "Tokens per second are medians over rounds that alternate between all programs; lowest and highest stand",
        "in brackets; seconds too. A ratio is Causerie's figure against the best of the others, more than 1 being",
        "better, with the lowest and the highest of the single rounds. A dash is explained below the tables.",
        "",
    ]
    newest = {record["model"]: record for record in records}
    for model, record in newest.items():
        parts += _record(record)
        older = [each for each in records if each["model"] == model and each is not record]
        if older:
            parts += ["Ratios of earlier runs:", ""]
            parts += [f"- {each['date']}: {_ratios(each)}" for each in reversed(older)] + [""]
    return "\n".join(parts)


def _record(record: Record) -> list[str]:
    machine = record["machine"]
    speeds = machine.get("bandwidth_gbs")
    parts = [
        f"## {record['model']}, {record['date']}",
        "",
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, "
        f"{machine['threads']} threads each"
        + (f"; memory gave {speeds[0]} GB/s in the median and {speeds[1]} at best." if speeds else "."),
        f"Versions: {', '.join(record['versions'].values())}. Made by `{record['command'].strip()}`.",
        "",
    ]
    for measure, title in (("prefill", "Prefill"), ("decode", "Decode")):
        parts += _table(record, measure, f"{title}, tokens/s", "depth")
    parts += _bandwidth(record)
    parts += _table(record, "streams", "Requests at once, tokens/s of all together", "count")
    parts += _table(record, "first token", "A fresh process to its first word, seconds", None)
    for measure, title in (("first turn", "First turn of a chat"), ("later turn", "A turn with a history behind it")):
        parts += _table(record, measure, f"{title}, seconds to the first token", "history")
    return parts + _memory(record) + _dashes(record)


def _rows(record: Record, measure: str) -> list[Row]:
    return [row for row in record["rows"] if row["measure"] == measure and "values" in row]


def _peers(rows: Iterable[Row]) -> list[str]:
    found = {row["peer"] for row in rows}
    return [peer for peer in PEERS if peer in found]


def _table(record: Record, measure: str, title: str, key: str | None) -> list[str]:
    rows = _rows(record, measure)
    if not rows:
        return []
    peers = _peers(rows)
    tokens = f" ({rows[0]['tokens']} tokens)" if "tokens" in rows[0] else ""
    head = ["format", *([key] if key else []), *(TITLES[peer] for peer in peers), "ratio"]
    lines = [f"### {title}{tokens}", "", _line(head), _line(["---"] * len(head))]
    for format, place in dict.fromkeys((row["format"], row.get(key) if key else None) for row in rows):
        here = {row["peer"]: row for row in rows if row["format"] == format and (not key or row[key] == place)}
        cells = [_spread(here[peer]["values"]) if peer in here else "–" for peer in peers]
        ratio = ratio_of(here, measure)
        shown = "–" if ratio is None else f"{ratio[0]:.2f} × ({ratio[1]:.2f}–{ratio[2]:.2f})"
        lines.append(_line([format, *([str(place)] if key else []), *cells, shown]))
    return [*lines, ""]


def ratio_of(here: dict[str, Row], measure: str) -> tuple[float, float, float] | None:
    """Ours against the best peer: of the medians, and the least and greatest of single rounds. None where either is
    missing."""
    others = [row for peer, row in here.items() if peer != OURS]
    if OURS not in here or not others:
        return None
    faster = measure in FASTER
    best = (max if faster else min)(others, key=lambda row: median(row["values"]))
    ours, theirs = here[OURS]["values"], best["values"]
    rounds = [a / b if faster else b / a for a, b in zip(ours, theirs, strict=False)]
    middle = median(ours) / median(theirs) if faster else median(theirs) / median(ours)
    return middle, min(rounds), max(rounds)


def _bandwidth(record: Record) -> list[str]:
    """What share of the memory's bandwidth decoding reads, at the least depth, counting the weights alone."""
    rows = _rows(record, "decode")
    if not rows:
        return []
    depth = min(row["depth"] for row in rows)
    rows = [row for row in rows if row["depth"] == depth]
    peers = _peers(rows)
    head = ["format", *(TITLES[peer] for peer in peers)]
    lines = [
        f"### Decode at depth {depth}: bytes of the weights read, as a share of what the memory gives",
        "",
        _line(head),
        _line(["---"] * len(head)),
    ]
    for format in dict.fromkeys(row["format"] for row in rows):
        cells = []
        for peer in peers:
            row = next((row for row in rows if (row["peer"], row["format"]) == (peer, format)), None)
            held = record["held"].get(format, {}).get(peer)
            if row is None or held is None:
                cells.append("–")
                continue
            read = held.get("read_bytes", held["bytes"])
            shares = [read * speed / probe for speed, probe in zip(row["values"], row["probes"], strict=True)]
            cells.append(f"{100 * median(shares):.0f} % of {read / 1e9:.2f} GB a token")
        lines.append(_line([format, *cells]))
    return [*lines, ""]


def _memory(record: Record) -> list[str]:
    held = {format: peers for format, peers in record["held"].items() if any("peak_bytes" in p for p in peers.values())}
    if not held:
        return []
    present = [peer for peer in PEERS if any(peer in peers for peers in held.values())]
    head = ["format", *(TITLES[peer] for peer in present)]
    lines = [
        "### Memory: weights as held, and the process at its peak, GB",
        "",
        _line(head),
        _line(["---"] * len(head)),
    ]
    for format, peers in held.items():
        cells = []
        for peer in present:
            found = peers.get(peer)
            peak = f" / {found['peak_bytes'] / 1e9:.2f}" if found and "peak_bytes" in found else ""
            cells.append(f"{found['format']} {found['bytes'] / 1e9:.2f}{peak}" if found else "–")
        lines.append(_line([format, *cells]))
    return [*lines, ""]


def _dashes(record: Record) -> list[str]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in record["rows"]:
        if "refusal" in row:
            what = f"{row['format']}" if row["measure"] == "load" else f"{row['format']} {row['measure']}"
            listed = reasons.setdefault((row["peer"], row["refusal"]), [])
            if what not in listed:
                listed.append(what)
    lines = [f"- {TITLES[peer]}, {', '.join(what)}: {reason}" for (peer, reason), what in reasons.items()]
    return ["Dashes:", "", *lines, ""] if lines else []


def _ratios(record: Record) -> str:
    """Every ratio of a run in one line."""
    found = []
    for measure in (*FASTER, "first token", "first turn", "later turn"):
        rows = _rows(record, measure)
        for format, depth in dict.fromkeys((row["format"], row.get("depth")) for row in rows):
            here = {row["peer"]: row for row in rows if (row["format"], row.get("depth")) == (format, depth)}
            ratio = ratio_of(here, measure)
            if ratio is not None:
                place = "" if depth is None else f" at {depth}"
                found.append(f"{measure} {format}{place} {ratio[0]:.2f}")
    return "; ".join(found) or "none"


def _spread(values: Sequence[float]) -> str:
    digits = next((digits for least, digits in ((100, 0), (10, 1), (1, 2)) if median(values) >= least), 3)
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
