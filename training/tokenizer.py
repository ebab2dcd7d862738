"""The tokenizer of the built-in model: byte-level BPE learned from the dialogues, and how a dialogue becomes tokens.

It knows text and ids only. All 256 bytes are in the vocabulary, so that any text comes back; digits stand alone, so
that numbers can be reckoned with. A dialogue is `<|begin|>` and then `<|role|>content<|end|>` for each message, which
is what chat_template.jinja writes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from training.dialogues import compose
from training.dialogues.topic import Dialogue

BEGIN, END, PAD = "<|begin|>", "<|end|>", "<|pad|>"
ROLES = {"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>"}
SPECIAL = (PAD, BEGIN, END, *ROLES.values())


def texts(seed: int, dialogues: int) -> Iterator[str]:
    for i in range(dialogues):
        for message in compose.dialogue(Random(f"tokenizer {seed} {i}")).messages():
            yield message["content"]


def learn(seed: int, dialogues: int, vocab: int) -> Tokenizer:
    """Learn a byte-level BPE tokenizer of `vocab` tokens, the special ones first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        min_frequency=3,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL],
    )
    tokenizer.train_from_iterator(texts(seed, dialogues), trainer)
    return tokenizer


class Encoder:
    """Turns dialogues into tokens with a mask of what the assistant says.

    `dropout` is the share of merges that are left out in what users write, so that a mistyped or unknown word, which
    falls into pieces, is nothing new to the model (BPE dropout, Provilkov et al. 2020).
    """

    def __init__(self, path: Path, dropout: float = 0.0) -> None:
        self.exact = Tokenizer.from_file(str(path))
        self.loose = Tokenizer.from_file(str(path))
        self.dropout = dropout
        if dropout:
            self.loose.model.dropout = dropout
        self.vocab = self.exact.get_vocab_size()
        self.begin, self.end, self.pad = (self.special(token) for token in (BEGIN, END, PAD))
        self.roles = {role: self.special(token) for role, token in ROLES.items()}

    def special(self, token: str) -> int:
        """The id of a special token. Raises KeyError where the tokenizer is not one of ours."""
        found = self.exact.token_to_id(token)
        if found is None:
            raise KeyError(f"the tokenizer has no token {token}; learn it with `python -m training.tokenizer`")
        return found

    def message(self, role: str, content: str, loose: bool = False) -> list[int]:
        tokenizer = self.loose if loose else self.exact
        return [self.roles[role], *tokenizer.encode(content.strip(), add_special_tokens=False).ids, self.end]

    def dialogue(self, dialogue: Dialogue, loose: bool = False) -> tuple[list[int], list[bool]]:
        """Tokens, and for each whether it is the assistant's (its end token included): those are learned."""
        tokens, learned = [self.begin], [False]
        for message in dialogue.messages():
            assistant = message["role"] == "assistant"
            ids = self.message(message["role"], message["content"], loose and message["role"] == "user")
            tokens += ids
            learned += [False] + [assistant] * (len(ids) - 1)
        return tokens, learned

    def prompt(self, messages: list[dict[str, str]]) -> list[int]:
        """The messages, and the start of an answer."""
        tokens = [self.begin]
        for message in messages:
            tokens += self.message(message["role"], message["content"])
        return [*tokens, self.roles["assistant"]]

    def decode(self, tokens: list[int]) -> str:
        return str(self.exact.decode(tokens, skip_special_tokens=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/builtin/tokenizer.json"))
    parser.add_argument("--vocab", type=int, default=3072)
    parser.add_argument("--dialogues", type=int, default=40000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    tokenizer = learn(args.seed, args.dialogues, args.vocab)
    tokenizer.save(str(args.out))
    print(f"{args.out}: {tokenizer.get_vocab_size()} tokens")


if __name__ == "__main__":
    main()
