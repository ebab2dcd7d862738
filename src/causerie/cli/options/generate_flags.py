"""Every flag of generation that the command line takes: its kind of value, what holds when it is not given, and a
sentence. The help is written from this table; a test holds it against `GenerationConfig`, which judges the values.
Knows no model."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from causerie.cli.options.flags import FlagValue, parse_flags, parse_value
from causerie.errors import Unsupported, unknown

if TYPE_CHECKING:
    from causerie.api.generation.config import GenerationConfig

FlagKind = Literal["whole", "number", "truth", "text", "texts", "tokens", "token_lists", "biases"]

_SHOWN = {
    "whole": "N",
    "number": "X",
    "truth": "True|False",
    "text": "NAME",
    "texts": "TEXT",
    "tokens": "[ID]",
    "token_lists": "[[ID]]",
    "biases": "BIASES",
}


@dataclass(frozen=True)
class Flag:
    """One flag: `unset` says in words what holds when neither the user nor the checkpoint sets it."""

    kind: FlagKind
    unset: str
    sentence: str


LENGTH = {
    "max_new_tokens": Flag("whole", "until the context is full", "Longest answer, in tokens."),
    "max_length": Flag("whole", "none", "Longest chat and answer together, in tokens; max_new_tokens goes before it."),
    "min_new_tokens": Flag("whole", "0", "No end of the answer before this many tokens."),
    "min_length": Flag("whole", "0", "The same, counted with the chat."),
    "max_time": Flag("number", "none", "Seconds after which an answer is cut."),
    "thinking_budget": Flag("whole", "none", "Tokens of reasoning at most; then the model must answer."),
    "stop_strings": Flag("texts", "none", "Texts that end the answer; they are not shown."),
    "stop": Flag("texts", "none", "Another name of stop_strings."),
    "repetition_detection": Flag("truth", "True", "End an answer that says the same over and over."),
}
SAMPLING = {
    "do_sample": Flag("truth", "False", "Draw each token at random, by its probability; False takes the likeliest."),
    "temperature": Flag("number", "1.0", "Below 1 safer, above 1 wilder, 0 always the likeliest; turns sampling on."),
    "top_k": Flag("whole", "50", "Draw among this many likeliest tokens; 0 is all."),
    "top_p": Flag("number", "1.0", "Draw among the fewest tokens whose probabilities reach this sum."),
    "min_p": Flag("number", "none", "Leave out tokens less likely than this share of the likeliest."),
    "typical_p": Flag("number", "1.0", "Draw among tokens about as surprising as expected, up to this sum."),
    "epsilon_cutoff": Flag("number", "0.0", "Leave out tokens less likely than this."),
    "eta_cutoff": Flag("number", "0.0", "Leave out unlikely tokens, by a bound that adapts to the distribution."),
    "seed": Flag("whole", "a new one", "The same seed draws the same answer again."),
}
PENALTIES = {
    "repetition_penalty": Flag("number", "1.0", "Above 1: words of the chat and the answer become less likely."),
    "presence_penalty": Flag("number", "0.0", "Taken from every token that the answer has used."),
    "frequency_penalty": Flag("number", "0.0", "The same, for each time it has used it."),
    "no_repeat_ngram_size": Flag("whole", "0", "No sequence of this many tokens twice; 0 is off."),
    "bad_words": Flag("texts", "none", "Texts that may not be written, small letters or large."),
    "bad_words_ids": Flag("token_lists", "none", "Token sequences that may not be written."),
    "logit_bias": Flag("biases", "none", "Added to the logits of single tokens."),
    "sequence_bias": Flag("biases", "none", "Added to the logit of the last token of a sequence."),
    "suppress_tokens": Flag("tokens", "none", "Tokens that are never drawn."),
    "begin_suppress_tokens": Flag("tokens", "none", "Tokens that are not drawn first."),
}
ENDS = {
    "eos_token_id": Flag("tokens", "the checkpoint's", "Tokens that end an answer."),
    "pad_token_id": Flag("whole", "the checkpoint's", "Fills up batches; a chat has none to fill."),
    "bos_token_id": Flag("whole", "the checkpoint's", "Begins a text; a chat's template writes it."),
}
GUESSES = {
    "speculation": Flag("text", "auto", "Who guesses tokens that are then checked: lookup, shadow, mtp, off, auto."),
    "prompt_lookup_num_tokens": Flag("whole", "as many as pay", "Tokens guessed at once at most, by lookup."),
    "num_assistant_tokens": Flag("whole", "as many as pay", "Tokens guessed at once at most, by whomever."),
    "num_assistant_tokens_schedule": Flag("text", "constant", "heuristic: that grows and shrinks by what was right."),
    "assistant_confidence_threshold": Flag("number", "0", "A model guesses no further behind a less likely token."),
    "max_matching_ngram_size": Flag("whole", "none", "Last tokens at most that are looked up in what came before."),
}
GROUPS = {
    "Length": LENGTH,
    "Choice of words": SAMPLING,
    "Repetition and bias": PENALTIES,
    "Guesses": GUESSES,
    "Special tokens": ENDS,
}
FLAGS: dict[str, Flag] = {name: flag for group in GROUPS.values() for name, flag in group.items()}
"""Every flag, by its name."""


NOT_IN_A_CHAT = {
    "num_return_sequences": "A chat goes on from one answer.",
    "return_dict_in_generate": "A chat shows text.",
    "output_scores": "A chat shows text.",
    "output_logits": "A chat shows text.",
    "renormalize_logits": "It changes output_scores only, and a chat shows text.",
    "logprobs": "A chat shows text.",
    "response_format": "It is an object, for programs: Python and the server take it.",
}
"""Flags of `GenerationConfig` that mean nothing at a command line, and why; in Python they do."""


def read_flags(words: Iterable[str]) -> GenerationConfig:
    """The flags that `key=value` words set. Raises UnknownName for a name that is none, Unsupported for what a chat
    cannot do, UsageError for a value that cannot be."""
    from causerie.api.generation.config import GenerationConfig
    from causerie.api.generation.foreign_flags import FOREIGN

    values: dict[str, FlagValue] = {}
    for name, text in parse_flags(words).items():
        if name in NOT_IN_A_CHAT:
            raise Unsupported(f"{name} is a flag of generate() in Python. {NOT_IN_A_CHAT[name]} Leave it out here.")
        if name not in FLAGS and name not in FOREIGN:
            raise unknown("generate flag", name, FLAGS, advice="`causerie chat -h` says what each does.")
        values[name] = _read(name, text)
    return GenerationConfig(**values)


def _read(name: str, text: str) -> FlagValue:
    value = parse_value(name, text)
    if name in FLAGS and FLAGS[name].kind == "texts" and isinstance(value, bool | int | float):
        return text.strip()  # stop_strings=3 means the text "3"
    return value


def help_text(width: int) -> str:
    """The flags as the help shows them, by groups, in lines of at most `width` columns."""
    return "\n".join(line for title, group in GROUPS.items() for line in _group_lines(title, group, width))


def _group_lines(title: str, group: dict[str, Flag], width: int) -> list[str]:
    lines = [f"{title}:"]
    for name, flag in group.items():
        word = f"  {name}={_SHOWN[flag.kind]}"
        text = f"{flag.sentence} (default: {flag.unset})"
        indent = " " * 30
        wrapped = textwrap.wrap(text, max(40, width), initial_indent=indent, subsequent_indent=indent)
        if len(word) < len(indent) - 1:
            wrapped[0] = word.ljust(len(indent)) + wrapped[0].lstrip()
        else:
            lines.append(word)
        lines += wrapped
    return lines
