"""Causerie beside its peers on the same model, in the same run, in turn: speed of steps, first token, chats, streams.

    python bench/setup_peers.py          once: the peers, each in an environment of its own
    python bench/compare.py              everything, on the shape of Qwen2.5-0.5B; writes docs/results.md
    python bench/compare.py --model llama-3.2-1b --formats bf16 --measure steps --depth 0,4096
    python bench/compare.py --model m.Q4_0.gguf,m.Q4_K_M.gguf    the same files in Causerie and llama.cpp, in one table
    python bench/compare.py --quick      a tiny model and short trials: whether everything runs, and no results

On a shared machine speeds change within minutes, so every round measures all peers one after the other, between
readings of the memory's bandwidth, and only medians of ratios within a run are compared. What a peer cannot do is shown
as a dash with its reason. The record of a run is kept in bench/results/. Knows no peer: peers/ has one worker for each.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from peers import fresh
from peers.report import write_results
from peers.subject import FORMATS, Subject, subjects
from peers.worker import ENVS, OURS, PEERS, Refused, Worker, is_set_up

from causerie.plan.hardware import Hardware, Probe

BENCH = Path(__file__).resolve().parent
RESULTS = BENCH / "results"
READERS = (OURS, "llama_cpp")
"""Peers that read a GGUF file without unpacking it."""
MEASURES = ("steps", "turns", "streams", "first-token")


class Comparison:
    """One run on one model: what was measured so far, ready to be written as JSON."""

    def __init__(self, found: argparse.Namespace, subject: Subject) -> None:
        self._found = found
        self._subject = subject
        self._probe = Probe(found.threads)
        self._log = (ENVS / "compare.log").open("a", encoding="utf-8")
        self.peers = [peer for peer in (READERS if subject.is_files else PEERS) if peer in found.peers]
        self.record: dict[str, Any] = {
            "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "model": subject.name,
            # A folder of the user's own is told by its name, not by where it lies.
            "command": " ".join(["python bench/compare.py", *found.words]).replace(found.model, found.shown),
            "machine": machine(found.threads),
            "versions": {},
            "held": {},
            "rows": [],
        }

    def run(self, keep: Path | None) -> None:
        """Everything that was asked for, format by format; the record is in `keep` after each part of it."""
        for format in self._subject.places:
            for measure in self._found.measure:
                say(f"{self.record['model']}, {format}: {measure}")
                self._probe.bandwidth()
                getattr(self, f"_{measure.replace('-', '_')}")(format)
                readings = self._probe.median, self._probe.best
                self.record["machine"]["bandwidth_gbs"] = [round(each / 1e9, 1) for each in readings]
                if keep is not None:
                    keep.write_text(json.dumps(self.record, indent=1) + "\n", encoding="utf-8")

    def prepare(self) -> None:
        """Lets each peer load the model in each format once, for which it writes its own form of it."""
        for format in self._subject.places:
            for peer in self.peers:
                with self._worker(peer, format, 64) as worker:
                    say(f"{self.record['model']}, {format}: {peer} {'is ready' if worker else 'cannot'}")

    def _steps(self, format: str) -> None:
        """Prefill and decode at every depth; rounds in alternation."""
        found = self._found
        with self._workers(format, max(found.depth) + max(found.prompt, found.generate) + 64) as workers:
            for depth in found.depth:
                able = {worker.peer: worker for worker in workers}
                for peer, worker in list(able.items()):
                    if self._ask(worker, {"format": format, "depth": depth}, "prepare", depth=depth) is None:
                        del able[peer]
                for kind, tokens in (("prefill", found.prompt), ("decode", found.generate)):
                    self._rounds(list(able.values()), format, kind, tokens, depth)
            for worker in workers:
                self.record["held"][format][worker.peer]["peak_bytes"] = worker.ask("memory")

    def _rounds(self, workers: list[Worker], format: str, kind: str, tokens: int, depth: int) -> None:
        about = {"measure": kind, "format": format, "depth": depth, "tokens": tokens}
        values: dict[str, list[float]] = {worker.peer: [] for worker in workers}
        probes: dict[str, list[float]] = {worker.peer: [] for worker in workers}
        for turn in range(self._found.rounds):
            # Whoever comes first in a round comes last in the next: heat and neighbours drift.
            for worker in workers[turn % len(workers) :] + workers[: turn % len(workers)] if workers else []:
                before = self._probe.bandwidth()
                seconds = self._ask(worker, about, kind, tokens=tokens, depth=depth)
                if seconds is None:
                    workers = [other for other in workers if other is not worker]
                    continue
                values[worker.peer].append(tokens / seconds)
                probes[worker.peer].append((before + self._probe.bandwidth()) / 2)
        for peer, speeds in values.items():
            if speeds:
                self._add(about, peer, values=speeds, probes=probes[peer])

    def _turns(self, format: str) -> None:
        history, message = self._found.history, 64
        rows: dict[str, list[list[float]]] = {}
        for _ in range(self._found.rounds_of_requests):
            # Loaded anew: a chat that was read in the last round would be found in the cache.
            for peer in self.peers:
                with self._worker(peer, format, history + 4 * message) as worker:
                    about = {"measure": "turns", "format": format, "history": history}
                    seconds = worker and self._ask(worker, about, "turns", history=history, message=message)
                    if seconds:
                        rows.setdefault(peer, []).append(seconds)
        for peer, seconds in rows.items():
            for place, measure in enumerate(("first turn", "later turn")):
                about = {"measure": measure, "format": format, "history": history, "tokens": message}
                self._add(about, peer, values=[each[place] for each in seconds])

    def _streams(self, format: str) -> None:
        count, prompt, tokens = self._found.streams, 64, self._found.generate
        about = {"measure": "streams", "format": format, "count": count, "prompt": prompt, "tokens": tokens}
        rows: dict[str, list[float]] = {}
        for _ in range(self._found.rounds_of_requests):
            for peer in self.peers:
                with self._worker(peer, format, count * (prompt + tokens + 64)) as worker:
                    seconds = worker and self._ask(worker, about, "streams", count=count, prompt=prompt, tokens=tokens)
                    if seconds:
                        rows.setdefault(peer, []).append(count * tokens / seconds)
        for peer, speeds in rows.items():
            self._add(about, peer, values=speeds)

    def _first_token(self, format: str) -> None:
        about = {"measure": "first token", "format": format}
        rows: dict[str, list[float]] = {}
        refused: set[str] = set()
        for turn in range(self._found.rounds + 1):
            for peer in self.peers:
                if peer in refused:
                    continue
                try:
                    place, asked = self._subject.places[format], self._subject.asked(format)
                    words = fresh.command(peer, place, asked, self._found.threads)
                    seconds = fresh.first_answer(peer, words)
                except (Refused, OSError) as reason:
                    refused.add(peer)
                    self._add(about, peer, refusal=str(reason))
                    continue
                if turn:  # the first one warms the file cache
                    rows.setdefault(peer, []).append(seconds)
        for peer, seconds_all in rows.items():
            self._add(about, peer, values=seconds_all)

    @contextmanager
    def _workers(self, format: str, context: int) -> Iterator[list[Worker]]:
        """Those peers that have loaded the model in this format, all at once; the refusals are in the record."""
        workers: list[Worker] = []
        try:
            for peer in self.peers:
                worker = Worker(peer, self._log)
                if self._load(worker, format, context):
                    workers.append(worker)
                else:
                    worker.close()
            yield workers
        finally:
            for worker in workers:
                worker.close()

    @contextmanager
    def _worker(self, peer: str, format: str, context: int) -> Iterator[Worker | None]:
        """One peer with the model loaded, or None."""
        worker = Worker(peer, self._log)
        try:
            yield worker if self._load(worker, format, context) else None
        finally:
            worker.close()

    def _load(self, worker: Worker, format: str, context: int) -> bool:
        loaded = self._ask(
            worker,
            {"measure": "load", "format": format},
            "load",
            model=str(self._subject.places[format]),
            format=self._subject.asked(format),
            threads=self._found.threads,
            context=context,
        )
        if loaded is None:
            return False
        self.record["versions"][worker.peer] = loaded.pop("version")
        self.record["held"].setdefault(format, {}).setdefault(worker.peer, {}).update(loaded)
        return True

    def _ask(self, worker: Worker, about: dict[str, Any], what: str, **arguments: Any) -> Any:
        """The answer, or None with the refusal in the record."""
        try:
            return worker.ask(what, **arguments)
        except Refused as refusal:
            self._add({"measure": what, **about}, worker.peer, refusal=str(refusal))
            return None

    def _add(self, about: dict[str, Any], peer: str, **outcome: Any) -> None:
        row = {**about, "peer": peer, **outcome}
        if row not in self.record["rows"]:
            self.record["rows"].append(row)
            shown = outcome.get("refusal") or " ".join(f"{value:.4g}" for value in outcome["values"])
            say(f"  {peer:<13}{' '.join(f'{key} {value}' for key, value in about.items())}: {shown}")


def machine(threads: int) -> dict[str, Any]:
    """What it was measured on."""
    here = Hardware.probe()
    return {"processor": here.processor, "cores": here.cores, "memory_bytes": here.memory_total, "threads": threads}


def say(line: str) -> None:
    """Tells how far it is."""
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", flush=True)


def options(words: Sequence[str]) -> argparse.Namespace:
    """The command line, checked. Raises SystemExit."""
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parse.add_argument
    add("--model", default="qwen2.5-0.5b", help="shapes of make_model.py, folders or GGUF files, with commas")
    add("--peers", default=",".join(PEERS), help=f"some of {', '.join(PEERS)} (those that are set up)")
    add("--formats", default=",".join(FORMATS), help=f"some of {', '.join(FORMATS)} (all)")
    add("--measure", default=",".join(MEASURES), help=f"some of {', '.join(MEASURES)} (all)")
    add("--depth", default="0,512,4096", help="tokens before the measured ones (0,512,4096)")
    add("--prompt", type=int, default=512, help="tokens of a prefill (512)")
    add("--generate", type=int, default=64, help="tokens of a decode, and of a stream's answer (64)")
    add("--rounds", type=int, default=5, help="of steps and fresh processes (5)")
    add("--rounds-of-requests", type=int, default=3, help="of chats and streams, each with a fresh load (3)")
    add("--history", type=int, default=4096, help="tokens behind the later turn of a chat (4096)")
    add("--streams", type=int, default=16, help="requests at once (16)")
    add("--threads", type=int, default=Hardware.probe().cores, help="of each peer (the cores this process may use)")
    add("--prepare", action="store_true", help="only write the model in each peer's own form, which the rest needs")
    add("--dry", action="store_true", help="write no results")
    add("--quick", action="store_true", help="a tiny model, short trials, one round; writes no results")
    found = parse.parse_args(words)
    found.words = list(words)
    found.shown = ",".join(Path(name).name for name in found.model.split(","))
    if found.quick:
        found.model, found.depth, found.prompt, found.generate, found.history = "tiny", "0,128", 64, 8, 256
        found.rounds = found.rounds_of_requests = 1
    for name, known in (("peers", PEERS), ("formats", FORMATS), ("measure", MEASURES)):
        chosen = getattr(found, name).split(",")
        if wrong := [word for word in chosen if word not in known]:
            parse.error(f"--{name} has {', '.join(map(repr, wrong))}; there are {', '.join(known)}")
        setattr(found, name, chosen)
    try:
        found.depth = sorted({int(word) for word in found.depth.split(",")})
    except ValueError:
        parse.error(f"--depth is {found.depth!r}; it takes whole numbers with commas between them")
    numbers = (found.prompt, found.generate, found.rounds, found.rounds_of_requests, found.streams, found.threads)
    if min(numbers) < 1 or found.depth[0] < 0 or found.history < 128:
        parse.error("numbers count from 1, depths from 0, and a history has 128 tokens at least")
    return found


def main(words: Sequence[str]) -> int:
    """Measures, keeps the record, and writes docs/results.md."""
    found = options(words)
    if missing := [peer for peer in found.peers if not is_set_up(peer)]:
        say(f"not set up, so left out: {', '.join(missing)} (python bench/setup_peers.py {' '.join(missing)})")
        found.peers = [peer for peer in found.peers if peer not in missing]
    for subject in subjects(found.model.split(","), found.formats):
        comparison = Comparison(found, subject)
        if found.prepare:
            comparison.prepare()
            continue
        RESULTS.mkdir(exist_ok=True)
        stamp = comparison.record["date"].replace(" UTC", "").replace(" ", "T").replace(":", "")
        path = None if found.quick or found.dry else RESULTS / f"{stamp}-{comparison.record['model']}.json"
        comparison.run(path)
        if path is not None:
            write_results(RESULTS, BENCH.parent / "docs" / "results.md")
            say(f"wrote {path.relative_to(BENCH.parent)} and docs/results.md")
    if OURS not in found.peers:
        say("Causerie itself was not measured, so there are no ratios.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
