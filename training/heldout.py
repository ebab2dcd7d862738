"""Write the held-out dialogues that `causerie evaluate` judges quantized models on: `python -m training.heldout`.

One dialogue in a line, a JSON list of messages; each ends with a question that no training dialogue holds.
"""

from __future__ import annotations

import argparse
import json
from itertools import count
from pathlib import Path
from random import Random

from training.dialogues import compose

SHARES = ("topic", "topic", "memory", "outside", "follow", "topic", "outside", "recall", "follow", "sum")
"""The groups in turn, some of them more often."""


def lines(size: int) -> list[str]:
    """Dialogues of about `size` bytes in all."""
    found: list[str] = []
    written = 0
    for number in count():
        dialogue = compose.held_dialogue(Random(f"heldout {number}"), SHARES[number % len(SHARES)])
        line = json.dumps(dialogue.messages(), ensure_ascii=False)
        written += len(line.encode()) + 1
        if written > size:
            break
        found.append(line)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("src/causerie/builtin/heldout.jsonl"))
    parser.add_argument("--size", type=int, default=50_000, help="of the file in bytes, about")
    args = parser.parse_args()
    found = lines(args.size)
    args.out.write_text("\n".join(found) + "\n", encoding="utf-8")
    print(f"{args.out}: {len(found)} dialogues, {args.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
