"""What each generation flag accepts: small checks that return the value as plain Python, or say what was expected.

The table at the end joins them to the flags by name. Knows no model.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from causerie.api.options.speculation import SPECULATION
from causerie.api.tensors import to_lists
from causerie.decoding.params import MOST_BIAS, SCHEDULES
from causerie.errors import UsageError
from causerie.text.response_format import form_of

Check: TypeAlias = Callable[[str, Any], Any]


def _wrong(name: str, value: Any, expected: str) -> UsageError:
    return UsageError(f"{name} is {value!r}; it must be {expected}.")


def count(least: int, most: int = 2**31) -> Check:
    """A whole number from `least` to `most`; numpy's and torch's integers too."""

    def check(name: str, value: Any) -> int:
        expected = f"a whole number of at least {least}"
        if isinstance(value, bool):
            raise _wrong(name, value, expected)
        try:
            whole = operator.index(value)
        except TypeError:
            raise _wrong(name, value, expected) from None
        if not least <= whole <= most:
            raise _wrong(name, value, expected if whole < least else f"at most {most}")
        return whole

    return check


def number(low: float, high: float = math.inf) -> Check:
    """A number from `low` to `high`, both included; refuses NaN."""

    def check(name: str, value: Any) -> float:
        expected = f"a number from {low:g} to {high:g}" if math.isfinite(high) else f"a number of at least {low:g}"
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or not low <= float(value) <= high:
            raise _wrong(name, value, expected)
        return float(value)

    return check


def switch(name: str, value: Any) -> bool:
    """True or False, nothing that merely looks like it."""
    if not isinstance(value, bool):
        raise _wrong(name, value, "True or False")
    return value


def response_format(name: str, value: Any) -> dict[str, Any]:
    """An object with a type, and the keys of that type."""
    form_of(value)
    return dict(value)


def texts(name: str, value: Any) -> str | list[str]:
    """A text, or a list of them; none may be empty, for it would stop everything at once."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not all(isinstance(text, str) and text for text in listed):
        raise _wrong(name, value, "a non-empty text or a list of them")
    return value if isinstance(value, str) else list(value)


MOST_BAD_WORDS = 64
MOST_BAD_WORD_CHARACTERS = 256


def bad_words(name: str, value: Any) -> list[str]:
    """A text or a list of them, none of them empty; spaces around them do not count."""
    listed = [value] if isinstance(value, str) else value
    expected = f"a list of at most {MOST_BAD_WORDS} texts of 1 to {MOST_BAD_WORD_CHARACTERS} characters"
    if not isinstance(listed, list | tuple) or len(listed) > MOST_BAD_WORDS:
        raise _wrong(name, value, expected)
    if not all(isinstance(text, str) and text.strip() and len(text) <= MOST_BAD_WORD_CHARACTERS for text in listed):
        raise _wrong(name, value, expected)
    return [text.strip() for text in listed]


def speculation(name: str, value: Any) -> str:
    """One of the words for who guesses tokens."""
    if value not in SPECULATION:
        raise _wrong(name, value, f"one of {', '.join(map(repr, SPECULATION))}")
    return str(value)


def schedule(name: str, value: Any) -> str:
    """One of the words for how the number of guessed tokens goes on."""
    if value not in SCHEDULES:
        raise _wrong(name, value, f"one of {', '.join(map(repr, SCHEDULES))}")
    return str(value)


MOST_GUESSED = 1024
"""Tokens in a step that a caller may let be guessed; far fewer are ever worth it."""
_token = count(0)


NO_TOKEN = -1
"""How the field writes that there is no such token: eos_token_id=-1 lets no token end an answer."""
_token_or_none = count(NO_TOKEN)


def end_tokens(name: str, value: Any) -> int | list[int]:
    """A token id, or a list of them (a tensor or an array too); NO_TOKEN may stand for one."""
    value = to_lists(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_token_or_none(name, token) for token in value]
    if isinstance(value, Mapping | str | bytes | set | bool):
        raise _wrong(name, value, "a token id or a list of them")
    number: int = _token_or_none(name, value)
    return number


def token_list(name: str, value: Any) -> list[int]:
    """A list of token ids; a tensor or an array too."""
    value = to_lists(value)
    if not isinstance(value, list | tuple):
        raise _wrong(name, value, "a list of token ids")
    return [_token(name, token) for token in value]


def words(name: str, value: Any) -> list[list[int]]:
    """A list of words, each a non-empty list of token ids."""
    if not isinstance(value, list | tuple) or not all(isinstance(word, list | tuple) and word for word in value):
        raise _wrong(name, value, "a list of non-empty lists of token ids")
    return [token_list(name, word) for word in value]


_bias = number(-math.inf, MOST_BIAS)


def word_biases(name: str, value: Any) -> dict[tuple[int, ...], float]:
    """{(ids…): bias}, or the form JSON can hold, [[[ids…], bias], …]."""
    pairs = list(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(pairs, list | tuple) or not all(isinstance(p, list | tuple) and len(p) == 2 for p in pairs):
        raise _wrong(name, value, "a dict from tuples of token ids to numbers")
    if not all(isinstance(word, list | tuple) and word for word, _ in pairs):
        raise _wrong(name, value, "a dict whose keys are non-empty tuples of token ids")
    return {tuple(token_list(name, word)): _bias(name, bias) for word, bias in pairs}


def token_biases(name: str, value: Any) -> dict[int, float]:
    """{id: bias}; ids may be spelled as text, as JSON must."""
    if not isinstance(value, Mapping):
        raise _wrong(name, value, "a dict from token ids to numbers")
    spelled = {int(key) if isinstance(key, str) and key.isdigit() else key: bias for key, bias in value.items()}
    return {_token(name, token): _bias(name, bias) for token, bias in spelled.items()}


_share = number(0.0, 1.0)
_penalty = number(-1000.0, 1000.0)

CHECKS: dict[str, Check] = {
    "max_new_tokens": count(1),
    "max_length": count(1),
    "min_new_tokens": count(0),
    "min_length": count(0),
    "max_time": number(0.0),
    "stop_strings": texts,
    "repetition_detection": switch,
    "do_sample": switch,
    "temperature": number(0.0, 1000.0),
    "top_k": count(0),
    "top_p": _share,
    "min_p": _share,
    "typical_p": _share,
    "epsilon_cutoff": _share,
    "eta_cutoff": _share,
    "seed": count(-(2**63), 2**63),
    "repetition_penalty": number(1e-6, 1000.0),
    "presence_penalty": _penalty,
    "frequency_penalty": _penalty,
    "no_repeat_ngram_size": count(0),
    "bad_words": bad_words,
    "bad_words_ids": words,
    "sequence_bias": word_biases,
    "logit_bias": token_biases,
    "suppress_tokens": token_list,
    "begin_suppress_tokens": token_list,
    "thinking_budget": count(0),
    "response_format": response_format,
    "renormalize_logits": switch,
    "speculation": speculation,
    "prompt_lookup_num_tokens": count(1),
    "num_assistant_tokens": count(1, MOST_GUESSED),
    "num_assistant_tokens_schedule": schedule,
    "assistant_confidence_threshold": number(0.0, 1.0),
    "max_matching_ngram_size": count(1),
    "num_return_sequences": count(1),
    "return_dict_in_generate": switch,
    "output_scores": switch,
    "output_logits": switch,
    "logprobs": count(0, 1000),
    "bos_token_id": count(0),
    "eos_token_id": end_tokens,
    "pad_token_id": count(0),
}
