"""The mean of two runs' weights: `python -m training.mean FIRST SECOND --out FOLDER`.

A run that goes on from another at a fresh rate learns what is new in its data and forgets a little of the rest; the
mean of both answers nearly as well as each where each is better (weight averaging, Wortsman et al. 2022).
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch


def mean(first: Path, second: Path, out: Path) -> None:
    """Writes `out`/state.pt and tokenizer.json, of runs that share shape and tokenizer. Raises ValueError where not."""
    if (first / "tokenizer.json").read_bytes() != (second / "tokenizer.json").read_bytes():
        raise ValueError(f"{first} and {second} have other tokenizers; their weights have no mean.")
    one, other = (torch.load(folder / "state.pt", map_location="cpu", weights_only=True) for folder in (first, second))
    if one["shape"] != other["shape"]:
        raise ValueError(f"{first} is of shape {one['shape']} and {second} of {other['shape']}.")
    weights = {name: (weight + other["averaged"][name]) / 2 for name, weight in one["averaged"].items()}
    out.mkdir(parents=True, exist_ok=True)
    torch.save({"shape": one["shape"], "at": other["at"], "averaged": weights}, out / "state.pt")
    shutil.copyfile(first / "tokenizer.json", out / "tokenizer.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path, help="folder of a run")
    parser.add_argument("second", type=Path, help="folder of another run from it")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    mean(args.first, args.second, args.out)
    print(f"{args.out}: the mean of {args.first} and {args.second}")


if __name__ == "__main__":
    main()
