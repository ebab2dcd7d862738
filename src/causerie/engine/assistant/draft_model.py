"""Another model as a drafter, one that knows the same tokens: it keeps its own keys and values under the block numbers
that a sequence has of the model that is guessed for, so that nobody keeps a second book of them.

What it has not read of a sequence yet it reads before it guesses; what it has, in an earlier turn or for somebody else
who begins alike, lies where it was. It knows no lease and no schedule.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from causerie.backends.ops import BlockCount, CacheShape
from causerie.decoding.drafting.drafter import Ask, Draft
from causerie.engine.assistant.lockstep import CHANCES, Guess, Lockstep
from causerie.engine.assistant.readings import Readings
from causerie.errors import Unsupported
from causerie.models.model import StepModel
from causerie.spec.decoder import Decoder

_WITH_GUESS = 8  # tokens that have not been read, up to which they are read with the first guess


class DraftModel:
    """A `GuessingDrafter`."""

    name = "draft"
    chances = CHANCES

    def __init__(self, model: StepModel, target: StepModel) -> None:
        """`model` was loaded with a cache as `cache_for` gives it for `target`, which is guessed for."""
        self._lockstep = Lockstep(model, target.vocab)
        self._model = model
        self._group = _whole_group(target.cache)
        self._readings = Readings(target.cache.groups[self._group].blocks, target.cache.block_size)
        self._unreadable: set[int] = set()  # requests with tokens that this model does not have

    def catch_up(self, asks: Sequence[Ask]) -> None:
        """Reads what it has not read yet, but for the last tokens. What several begin with is read once, and nothing of
        it is left to be read with their guesses, which all write in one step."""
        least = max(1, min(_WITH_GUESS, self._model.max_tokens // max(len(asks), 1)))
        size = self._model.cache.block_size
        unread: set[int] = set()  # full blocks that are left to be read with the guesses of those before
        for ask in asks:
            tokens = array("i", ask.tokens)
            start, end, full = self._read(ask, tokens), len(tokens) - least, (len(tokens) - 1) // size
            left = set(ask.tables[self._group][max(start, end) // size : full])
            if left & unread:
                end = full * size
            else:
                unread |= left
            if start < end and self._can_read(ask, tokens, start):
                self._readings.begin(ask.tables[self._group], start, end)
                self._lockstep.read(ask, self._tables(ask), start, end)
                self._readings.record(tokens[:end], ask.tables[self._group], start)

    def propose(self, asks: Sequence[Ask]) -> list[Draft]:
        """See Drafter."""
        guesses: dict[int, Guess] = {}
        for ask in asks:
            tokens = array("i", ask.tokens)
            start = min(self._read(ask, tokens), len(tokens) - 1)
            if len(tokens) - start <= _WITH_GUESS and self._can_read(ask, tokens, start):
                most = min(ask.most, self._model.context - len(tokens))
                guesses[ask.request] = Guess(ask._replace(most=most), self._tables(ask), start)
                self._readings.begin(ask.tables[self._group], start, len(tokens) + most - 1)
        self._lockstep.guess(list(guesses.values()))
        for guess in guesses.values():
            text = array("i", guess.ask.tokens) + array("i", guess.tokens[:-1])
            self._readings.record(text, guess.ask.tables[self._group], guess.start)
        return [guesses[ask.request].draft if ask.request in guesses else Draft() for ask in asks]

    def forget(self, request: int) -> None:
        """See Drafter."""
        self._lockstep.forget(request)
        self._unreadable.discard(request)

    def _read(self, ask: Ask, tokens: array[int]) -> int:
        return self._readings.length(tokens, ask.tables[self._group])

    def _tables(self, ask: Ask) -> tuple[array[int], ...]:
        """Its own groups all lie where the other model's group lies that looks back to the beginning."""
        return (ask.tables[self._group],) * len(self._model.cache.groups)

    def _can_read(self, ask: Ask, tokens: array[int], start: int) -> bool:
        """Whether there is a place to guess for in its context, and it has all tokens from `start` on."""
        if len(tokens) >= self._model.context or ask.request in self._unreadable:
            return False
        if max(tokens[start:]) >= self._model.vocab:
            self._unreadable.add(ask.request)
            return False
        return True


def cache_for(target: CacheShape, spec: Decoder, dtype: str) -> CacheShape:
    """The cache of a draft model of `spec`, kept in `dtype`, beside a `target`'s. Raises Unsupported where there can be
    none."""
    check_attention(spec)
    blocks = target.groups[_whole_group(target)].blocks
    groups = tuple(BlockCount(blocks, group.window) for group in spec.page_groups)
    return CacheShape(groups, target.block_size, dtype)


def check_attention(spec: Decoder) -> None:
    """Raises Unsupported for a draft model that keeps more of a text than keys and values."""
    if spec.slot_layers:
        raise Unsupported(
            f"A draft model goes back to what it read before a wrong guess, and {len(spec.slot_layers)} layers of this "
            f"{spec.family} model remember in a state that cannot be taken back. Choose one with attention alone."
        )


def alike(draft: int, target: int) -> bool:
    """Whether two models with so many tokens can have the same ones."""
    return abs(draft - target) <= max(_PADDING, target // 50)


_PADDING = 1024  # tokens by which tables of one tokenizer differ, for the sake of even numbers


def _whole_group(cache: CacheShape) -> int:
    """The page group whose blocks hold all of a text."""
    for place, group in enumerate(cache.groups):
        if group.window is None:
            return place
    raise Unsupported(
        "A draft model keeps its cache where the model has blocks for all of a text, and no layer of this model looks "
        "back to the beginning. Use speculation='lookup'."
    )
