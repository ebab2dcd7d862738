"""Make the built-in model from nothing: `python -m training`: tokenizer, training, checkpoint, expected texts, scores.

Each part is a command of its own (`python -m training.train -h` and so on); this runs them in order. A run that was
stopped goes on where it was.
"""

from __future__ import annotations

import argparse
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
    parser.add_argument("--tokens", type=float, default=20e6, help="length of the training in tokens")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if not (args.folder / "tokenizer.json").exists():
        part("tokenizer", "--out", args.folder / "tokenizer.json")
    part("train", "--folder", args.folder, "--tokens", args.tokens, "--threads", args.threads)
    part("export", "--folder", args.folder, "--out", args.out)
    part("heldout", "--out", args.out.with_name("heldout.jsonl"))
    part("expect", "--model", args.out, "--out", args.expected)
    part("evaluate", "--folder", args.folder, "--threads", args.threads, "--json", args.folder / "scores.json")


if __name__ == "__main__":
    main()
