"""Make the built-in model from nothing: `python -m training`.

Tokenizer, training, a second run that goes on from the first one's average, the mean of both, checkpoint, expected
texts, scores. Each part is a command of its own (`python -m training.train -h` and so on); this runs them in order. A
run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path


def part(name: str, *arguments: object) -> None:
    """Run one part and stop where it fails."""
    print(f"-- training.{name}", flush=True)
    subprocess.run([sys.executable, "-m", f"training.{name}", *map(str, arguments)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/builtin"), help="of the run: tokenizer, state, log")
    parser.add_argument("--out", type=Path, default=Path("src/causerie/builtin/model"), help="the checkpoint folder")
    parser.add_argument("--expected", type=Path, default=Path("tests/expected/builtin_greedy.json"))
    parser.add_argument("--tokens", type=float, default=16e6, help="length of the training in tokens")
    parser.add_argument(
        "--more", type=float, default=3.6e6, help="tokens of a second run that goes on at half the rate"
    )
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    tokenizer, again, mean = args.folder / "tokenizer.json", args.folder / "again", args.folder / "mean"
    if not tokenizer.exists():
        part("tokenizer", "--out", tokenizer)
    threads = ("--threads", args.threads)
    part("train", "--folder", args.folder, "--tokens", args.tokens, *threads)
    again.mkdir(exist_ok=True)
    shutil.copyfile(tokenizer, again / "tokenizer.json")
    rates = ("--matrix-rate", 1.5e-3, "--vector-rate", 1.5e-3, "--seed", 2)
    part("train", "--folder", again, "--init", args.folder / "state.pt", "--tokens", args.more, *rates, *threads)
    part("mean", args.folder, again, "--out", mean)
    part("export", "--folder", mean, "--out", args.out)
    part("heldout", "--out", args.out.with_name("heldout.jsonl"))
    part("expect", "--model", args.out, "--out", args.expected)
    part("evaluate", "--folder", mean, *threads, "--json", args.folder / "scores.json")


if __name__ == "__main__":
    main()
