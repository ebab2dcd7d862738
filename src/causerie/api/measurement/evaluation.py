"""What a quantization costs in quality: a model is run over a text in float32 and in each format, and the two are
compared token by token.

The passages are token lists with the positions that count. Knows no backend; distances are plan/quality.py's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causerie.api.loading.load import open_model
from causerie.api.options.load_options import LoadOptions
from causerie.api.options.quantization import quant_config
from causerie.builtin import heldout_path
from causerie.errors import UsageError
from causerie.plan.quality import Quality, Scores, compare
from causerie.plan.verdict import verdict

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer

REFERENCE = "float32"
NOISE = "bfloat16"
"""Plain formats as names of runs: the reference, and how far rounding activations alone takes a model from it."""
WINDOW = 512  # tokens of a text that are read together


@dataclass(frozen=True)
class Passage:
    """Tokens read together; `scored` are the places of those tokens that are judged, never the first."""

    tokens: tuple[int, ...]
    scored: tuple[int, ...]


@dataclass(frozen=True)
class FormatQuality:
    """One format's quality."""

    format: str
    nbytes: int  # of the weights as held
    bits_per_weight: float
    quality: Quality

    @property
    def verdict(self) -> str:
        """What that means, in a sentence or two."""
        return verdict(self.format, self.quality)


def dialogue_passages(tokenizer: ChatTokenizer, file: str | Path | None = None) -> Iterator[Passage]:
    """The dialogues of a file with a JSON list of messages in each line, as the model's template writes them; what the
    assistant says is scored. Default: dialogues that the built-in model was never trained on."""
    for line in Path(file or heldout_path()).read_text(encoding="utf-8").splitlines():
        messages = json.loads(line)
        tokens = tokenizer.chat.prompt(messages, add_generation_prompt=False).tokens
        scored: list[int] = []
        for place, message in enumerate(messages):
            if message["role"] == "assistant":
                before = tokenizer.chat.prompt(messages[:place]).tokens
                until = tokenizer.chat.prompt(messages[: place + 1], add_generation_prompt=False).tokens
                whole = tokens[: len(before)] == before and tokens[: len(until)] == until
                # Some templates write earlier turns otherwise than the last one: then all of it is scored.
                scored += range(len(before), len(until)) if whole else range(1, len(tokens))
        yield Passage(tuple(tokens), tuple(sorted(set(scored))))


def text_passages(tokenizer: ChatTokenizer, text: str, window: int = WINDOW) -> Iterator[Passage]:
    """A text cut into windows; all but the first token of each is scored. Raises UsageError where there are not two."""
    tokens = tokenizer(text)["input_ids"]
    if len(tokens) < 2:
        raise UsageError(f"The text has {len(tokens)} tokens; two are the least, one to read and one to judge.")
    for start in range(0, len(tokens), window):
        part = tuple(tokens[start : start + window])
        if len(part) > 1:
            yield Passage(part, tuple(range(1, len(part))))


def limited(passages: Iterable[Passage], context: int, most: int | None = None) -> list[Passage]:
    """Those that fit into the context, up to `most` scored tokens. Raises UsageError where none is left."""
    selection: list[Passage] = []
    scored = 0
    for passage in passages:
        if most is not None and scored >= most:
            break
        if len(passage.tokens) < context and passage.scored:
            selection.append(passage)
            scored += len(passage.scored)
    if not selection:
        raise UsageError(f"No passage of the text is shorter than the model's context of {context} tokens.")
    return selection


def evaluate(
    name: str,
    formats: Sequence[str],
    passages: Sequence[Passage],
    *,
    caches: Sequence[str] = (),
    options: LoadOptions | None = None,
) -> Iterator[FormatQuality]:
    """The quality of each of `formats` (names of dtypes or quantizations), in their order and as they come, then with
    each of `caches` (cache dtypes), all else in float32. The reference is the model itself in float32, which stays
    loaded beside each; `options` say the rest of how models are held. Raises as from_pretrained."""
    longest = max(len(passage.tokens) for passage in passages) + 1
    asked = options or LoadOptions()
    plain = replace(asked, dtype=REFERENCE, calibrate=None, max_cache_tokens=longest)
    with open_model(name, plain) as reference:
        for format in formats:
            if format == REFERENCE:
                yield _row(format, reference, _scores(reference, reference, passages))
                continue
            if format in (NOISE, "float16"):
                variant = replace(plain, dtype=format)
            else:
                quantization = quant_config(format, None)
                variant = replace(plain, dtype="auto", quantization=quantization, calibrate=asked.calibrate)
            with open_model(name, variant) as model:
                yield _row(format, model, _scores(reference, model, passages))
        for cache in caches:
            with open_model(name, replace(plain, cache_dtype=cache)) as model:
                yield _row(f"{cache} cache", model, _scores(reference, model, passages))


def _row(format: str, model: CausalLM, scores: Scores) -> FormatQuality:
    nbytes = model.get_memory_footprint()
    return FormatQuality(format, nbytes, 8 * nbytes / model.num_parameters(), Quality.of(scores))


def _scores(reference: CausalLM, model: CausalLM, passages: Sequence[Passage]) -> Scores:
    parts = []
    for passage in passages:
        targets = [passage.tokens[place] for place in passage.scored]
        expected = _logits(reference, passage)
        parts.append(compare(expected, expected if model is reference else _logits(model, passage), targets))
    return Scores.joined(parts)


def _logits(model: CausalLM, passage: Passage) -> NDArray[np.float32]:
    """[scored, vocab]: those from which each scored token is drawn."""
    rows = [place - 1 for place in passage.scored]
    return np.asarray(model(np.array([passage.tokens])).logits)[0, rows]
