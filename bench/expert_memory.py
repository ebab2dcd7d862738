"""How fast a mixture of experts runs that is larger than memory: tokens a second by how much memory there is, of
`causerie bench` on a prepared folder, and of llama.cpp's llama-bench on a GGUF file of the same weights, which it maps.

    python bench/expert_memory.py FOLDER --limits 6,8,12,16
    python bench/expert_memory.py FOLDER --limits 6,8,12,16 --llama-bench PATH --gguf FILE

Each run is a process in a control group of its own that may use so many GB, file cache included; before it, what the
system has of the model's files in memory is dropped. Needs the right to make control groups (root, as a rule). Knows
programs by their command lines alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIMITS = {"memory.max": Path("/sys/fs/cgroup"), "memory.limit_in_bytes": Path("/sys/fs/cgroup/memory")}
"""The file that sets a limit, and where groups are, of both versions of control groups."""
SECONDS = 400  # that one run may take


@contextmanager
def group(nbytes: int) -> Iterator[Path]:
    """A control group that may use so much memory."""
    for name, root in LIMITS.items():
        if (root / name).exists() or (root / "cgroup.subtree_control").exists():
            folder = root / f"causerie-bench-{os.getpid()}"
            folder.mkdir()
            try:
                (folder / name).write_text(str(nbytes))
                yield folder
            finally:
                for _ in range(100):  # the last process may still be leaving
                    try:
                        folder.rmdir()
                        break
                    except OSError:
                        time.sleep(0.1)
            return
    sys.exit(f"No control group can be made here: neither of {', '.join(map(str, LIMITS.values()))} has limits.")


def forget(path: Path) -> None:
    """Has the system drop what it has of a file, or of all in a folder, so that every run reads the disk."""
    for file in path.iterdir() if path.is_dir() else (path,):
        descriptor = os.open(file, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def run(words: list[str], nbytes: int, path: Path) -> str | None:
    """What a program says within so much memory; None where it was ended for it."""
    forget(path)
    with group(nbytes) as folder:

        def enter() -> None:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, preexec_fn=enter)
        except subprocess.TimeoutExpired:
            return None
    if done.returncode:
        print(f"  {words[0]}: {done.stderr.strip().splitlines()[-1:] or done.returncode}", file=sys.stderr)
        return None
    return done.stdout


def causerie(options: argparse.Namespace, nbytes: int) -> str:
    """Tokens/s of decode and prefill, and how often experts were there."""
    words = [options.causerie, "bench", options.folder, "--prompt", str(options.prompt)]
    words += ["--generate", str(options.generate), "--batch", "1", "--repeat", "1", "--json"]
    said = run(words, nbytes, Path(options.folder))
    if said is None:
        return "ended"
    values = json.loads(said.splitlines()[-1])
    speeds = {row["test"]: row["tokens_per_second"] for row in values["rows"]}
    reads = values["rows"][-1].get("expert_reads")
    needed = reads and reads["hits"] + reads["early"] + reads["misses"]
    there = f", {reads['hits'] / needed:.0%} there, {reads['early'] / needed:.0%} ahead" if needed else ""
    return " · ".join(f"{test} {speed:.2f}" for test, speed in speeds.items()) + there


def llama(options: argparse.Namespace, nbytes: int) -> str:
    """The same of llama.cpp."""
    words = [options.llama_bench, "-m", options.gguf, "-p", str(options.prompt), "-n", str(options.generate)]
    words += ["-t", str(options.threads), "-r", "1", "-fa", "1", "--no-warmup", "-o", "json"]
    said = run(words, nbytes, Path(options.gguf))
    if said is None:
        return "ended"
    rows = json.loads(said)
    return " · ".join(f"{'prefill' if row['n_prompt'] else 'decode'} {row['avg_ts']:.2f}" for row in rows)


def main() -> None:
    """Runs all limits, one after the other, and prints a line for each program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("folder", help="a prepared folder (make_model.py --prepared, causerie prepare)")
    add("--limits", default="8", help="GB of memory, separated by commas")
    add("--prompt", type=int, default=32)
    add("--generate", type=int, default=48)
    add("--threads", type=int, default=os.cpu_count(), help="of llama.cpp")
    add("--causerie", default=shutil.which("causerie") or "causerie", help="the program")
    add("--llama-bench", help="llama.cpp's program")
    add("--gguf", help="a file of the same weights (peers/gguf_random.py)")
    options = parser.parse_args()
    size = sum(file.stat().st_size for file in Path(options.folder).iterdir())
    for word in options.limits.split(","):
        nbytes = int(float(word) * 1e9)
        print(f"{word} GB, {nbytes / size:.0%} of {size / 1e9:.1f} GB", flush=True)
        print(f"  causerie   {causerie(options, nbytes)}", flush=True)
        if options.llama_bench and options.gguf:
            print(f"  llama.cpp  {llama(options, nbytes)}", flush=True)


if __name__ == "__main__":
    main()
