"""Ask the model what it was never trained on and count right answers: `python -m training.evaluate`.

Groups: questions about facts (held-out phrasings, and trained phrasings never used with that fact), memory
(held-out sizes in a precision), sums (held-out pairs), subjects outside the field (held-out ones), and follow-ups that
need the turn before. Answers are greedy, from the weights as the checkpoint holds them (bfloat16), reckoned in float32.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch

from training import checker
from training.decode import greedy
from training.dialogues import compose, handwritten, handwritten_new
from training.dialogues.topic import Dialogue, Need, Turn
from training.export import load_network, rounded
from training.network import Network
from training.tokenizer import Encoder

QUESTIONS = ("topic", "memory", "sum")
FOLLOWING = ("follow", "memory next", "sum next", "recall")
SHARES = {
    "topic": 5,
    "memory": 2,
    "sum": 1,
    "outside": 3,
    "follow": 2,
    "memory next": 1.5,
    "sum next": 0.5,
    "recall": 1,
}


@dataclass(frozen=True)
class Asked:
    group: str
    dialogue: Dialogue
    answer: str
    right: bool


def drawn(seed: int, count: int, group: str, plain: bool) -> list[Dialogue]:
    return [compose.held_dialogue(Random(f"evaluate {seed} {group} {i}"), group, plain) for i in range(count)]


def answers(network: Network, encoder: Encoder, chats: list[list[dict[str, str]]], limit: int = 110) -> list[str]:
    """The greedy answer to each chat (which ends with a user's message)."""
    prompts = [encoder.prompt(chat) for chat in chats]
    return [encoder.decode(ids) for ids in greedy(network, prompts, encoder.end, limit)]


def ask(network: Network, encoder: Encoder, group: str, dialogues: list[Dialogue]) -> list[Asked]:
    texts = answers(network, encoder, [dialogue.messages()[:-1] for dialogue in dialogues])
    found = []
    for dialogue, text in zip(dialogues, texts, strict=True):
        last = dialogue.turns[-1]
        found.append(
            Asked(group, dialogue, text, checker.right(text, last.need, last.answer, group.endswith("outside")))
        )
    return found


Question = tuple[tuple[str, ...], Need]


def ask_handwritten(
    network: Network, encoder: Encoder, group: str, questions: tuple[Question, ...], outside: tuple[str, ...]
) -> list[Asked]:
    """Questions that no grammar made: those in the field, and those that need a refusal."""
    inside = [Dialogue(None, turns_of(talk, need, False)) for talk, need in questions]
    beyond = [Dialogue(None, turns_of((question,), (), True)) for question in outside]
    return ask(network, encoder, group, inside) + ask(network, encoder, f"{group} outside", beyond)


def turns_of(talk: tuple[str, ...], need: Need, outside: bool) -> tuple[Turn, ...]:
    """The chat as turns; the last one has the facts that its answer needs, and no answer yet."""
    done = [Turn(user, answer) for user, answer in zip(talk[:-1:2], talk[1::2], strict=True)]
    return (*done, Turn(talk[-1], "", need=need, group="outside" if outside else "fact"))


def score(asked: list[Asked], groups: tuple[str, ...]) -> float:
    chosen = [one.right for one in asked if one.group in groups]
    return 100 * sum(chosen) / len(chosen)


def show_wrong(asked: list[Asked], most: int) -> None:
    """Print the first `most` wrong answers of each group."""
    for group in dict.fromkeys(one.group for one in asked):
        for one in [one for one in asked if one.group == group and not one.right][:most]:
            last = one.dialogue.turns[-1]
            expected = last.answer or last.need
            print(f"[{group}] {one.dialogue.system or ''}\n  U: {last.user}\n  A: {one.answer}\n  =: {expected}")


def table(asked: list[Asked]) -> dict[str, dict[str, float]]:
    rows: dict[str, tuple[str, ...]] = {group: (group,) for group in dict.fromkeys(one.group for one in asked)}
    rows |= {"all held-out questions": QUESTIONS, "all follow-ups": FOLLOWING}
    return {
        name: {"asked": sum(one.group in groups for one in asked), "right": round(score(asked, groups), 1)}
        for name, groups in rows.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/builtin"), help="of the run: state.pt and tokenizer.json"
    )
    parser.add_argument("--count", type=int, default=100, help="questions per unit of share; 100 asks 1600 in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=0, help="print so many wrong answers of each group")
    parser.add_argument("--manners", action="store_true", help="with random system messages")
    parser.add_argument("--last", action="store_true", help="the last weights instead of their moving average")
    parser.add_argument("--json", type=Path, help="also write the table to this file")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    encoder = Encoder(args.folder / "tokenizer.json")
    network = rounded(load_network(args.folder / "state.pt", not args.last))
    asked: list[Asked] = []
    for group, share in SHARES.items():
        found = ask(network, encoder, group, drawn(args.seed, int(args.count * share), group, not args.manners))
        asked += found
    for name, source in (("handwritten", handwritten), ("handwritten new", handwritten_new)):
        asked += ask_handwritten(network, encoder, name, source.QUESTIONS, source.OUTSIDE)
    show_wrong(asked, args.show)
    rows = table(asked)
    for name, row in rows.items():
        print(f"{name:24} {row['asked']:6} {row['right']:6.1f} %")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
