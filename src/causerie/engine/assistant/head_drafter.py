"""The head that a checkpoint ships to guess with, as a drafter. For each position it reads what the model made of the
text up to there, and the token that came next; its own guess it reads with what it made of that itself. Of several
heads each guesses one token, and reads the same beside a token that stands further on.

Their keys and values lie in the model's cache, under the block numbers that a sequence has there, and are copied with
them. What the model made of tokens they are told step by step, and keep no more of it than they have to; where that was
told to nobody, as with a beginning that was read before, they read the tokens alone.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from causerie.decoding.drafting.drafter import Ask, Draft, ReadText
from causerie.engine.assistant.heads_in_turn import GuessOfHeads, HeadsInTurn
from causerie.engine.assistant.lockstep import CHANCES, Guess, Lockstep
from causerie.engine.assistant.readings import Readings
from causerie.errors import Unsupported
from causerie.models.model import StepModel

_WITH_GUESS = 8  # positions that have not been read, up to which they are read with the first guess
_ENDS = 16  # texts that have ended of whose last positions what was told is kept, for whoever goes on there
_UNREAD = 64  # positions that wait to be read until there are so many, or somebody asks for guesses


class _Tail:
    """What was told of the last positions of a request's text, from `start` on."""

    __slots__ = ("_room", "start", "states", "text")

    def __init__(self, start: int, states: NDArray[np.float32], text: array[int]) -> None:
        """`text` is the request's, which grows."""
        self.start = start
        self.text = text
        self._room = np.empty((2 * _UNREAD, states.shape[1]), np.float32)  # its first rows are `states`
        self.states = self._room[:0]  # [positions, width]
        self.add(start, states)

    @property
    def end(self) -> int:
        """The position behind them."""
        return self.start + len(self.states)

    def of(self, start: int, end: int) -> NDArray[np.float32]:
        """Of these positions; zeros where it was not told."""
        rows = self.states[max(start - self.start, 0) : max(end - self.start, 0)]
        return np.concatenate((np.zeros((end - start - len(rows), self.states.shape[1]), np.float32), rows))

    def add(self, start: int, states: NDArray[np.float32]) -> None:
        """Goes on, perhaps from an earlier position; what lies apart is forgotten."""
        if not self.start <= start <= self.end:
            self.start, self.states = start, self._room[:0]
        before = start - self.start
        count = before + len(states)
        if count > len(self._room):
            self._room = np.concatenate((self.states[:before], np.empty((2 * count, states.shape[1]), np.float32)))
        self._room[before:count] = states
        self.states = self._room[:count]

    def forget(self, end: int) -> None:
        """What lies before a position."""
        rest = self.states[max(end - self.start, 0) :]
        if len(self._room) > 2 * _UNREAD >= len(rest):
            self._room = np.empty((2 * _UNREAD, rest.shape[1]), np.float32)
        self._room[: len(rest)] = rest.copy()
        self.states = self._room[: len(rest)]
        self.start = max(self.start, end)


class HeadDrafter:
    """A `StateReader`."""

    name = "mtp"
    chances = CHANCES

    def __init__(self, head: StepModel, target: StepModel, layers: int, further: Sequence[StepModel] = ()) -> None:
        """`head` runs over the cache of `target`, which has so many layers, and so do `further` ones that guess the
        tokens after its own. Raises Unsupported where pages of its block are not kept to the beginning."""
        group = next((place for place, group in enumerate(target.cache.groups) if group.window is None), None)
        if group is None or head.cache.groups[0].window is not None:
            raise Unsupported("The head of this checkpoint looks back no farther than a window, and cannot guess here.")
        self.taps: tuple[int, ...] = (layers,)
        self._heads = (head, *further)
        self._lockstep = HeadsInTurn(self._heads, target.vocab) if further else Lockstep(head, target.vocab)
        self._group = group
        self._readings = [Readings(target.cache.groups[group].blocks, target.cache.block_size) for _ in self._heads]
        self._tails: dict[int, _Tail] = {}  # by request
        self._ends: deque[_Tail] = deque(maxlen=_ENDS)

    def witness(self, texts: Sequence[ReadText], copies: Sequence[Sequence[tuple[int, int]]]) -> None:
        """See StateReader. Much of a text is read at once."""
        if copies:
            self._copy(copies[self._group])
        for text in texts:
            states = self._features(text.states[: len(text.tokens) - 1])
            tail = self._tails.get(text.request)
            if tail is None:
                tail = self._tails[text.request] = self._beginning(text)
            tail.add(text.start, states)
            if len(tail.states) >= _UNREAD:
                whole = array("i", text.before[: text.start]) + array("i", text.tokens)
                ask = Ask(text.request, whole, 1, tables=text.tables, turned=text.turned)
                self._read(ask, tail, tail.end - 1)

    def catch_up(self, asks: Sequence[Ask]) -> None:
        """See GuessingDrafter: all but the last positions. Those that it was not told of may lie in blocks of others,
        who must not write there in the same step."""
        for ask in asks:
            tail = self._tail(ask)
            if tail is not None:
                self._read(ask, tail, max(tail.end - self._with_guess(len(asks)), min(tail.start, tail.end - 1)))

    def propose(self, asks: Sequence[Ask]) -> list[Draft]:
        """See Drafter."""
        guesses: dict[int, Guess] = {}
        for ask in asks[: self._heads[0].max_tokens // (1 + len(self._heads))]:  # logits and states of each are wanted
            tail = self._tail(ask)
            if tail is None:
                continue
            end, table = tail.end, ask.tables[self._group]
            starts = tuple(min(self._length(ask, end, number), end - 1) for number in range(len(self._heads)))
            if any(end - start - number > self._with_guess(len(asks)) for number, start in enumerate(starts)):
                continue
            guesses[ask.request] = self._guess(ask, tail, starts)
            for readings, start in zip(self._readings, starts, strict=True):
                readings.begin(table, start, end + ask.most - 1)
        self._lockstep.guess(list(guesses.values()))
        for guess in guesses.values():
            self._record(guess)
        return [guesses[ask.request].draft if ask.request in guesses else Draft() for ask in asks]

    def forget(self, request: int) -> None:
        """See Drafter."""
        self._lockstep.forget(request)
        tail = self._tails.pop(request, None)
        if tail is not None:
            self._ends.append(tail)

    def _guess(self, ask: Ask, tail: _Tail, starts: tuple[int, ...]) -> Guess:
        """For a text of which each head has read the positions before its own of `starts`."""
        start, tables = min(starts), (ask.tables[self._group],)
        features = tail.of(start, tail.end)
        if len(starts) == 1:
            return Guess(ask, tables, start, ahead=1, features=features)
        return GuessOfHeads(ask, tables, start, features=features, starts=starts)

    def _record(self, guess: Guess) -> None:
        """What was read with a guess: by each head that has guessed, all but the positions whose token was guessed."""
        ask, end = guess.ask, len(guess.ask.tokens) - 1
        starts = guess.starts if isinstance(guess, GuessOfHeads) else (guess.start,)
        unread = [end - 1]
        for number, start in enumerate(starts):
            if number < max(1, len(guess.tokens)):
                text = array("i", ask.tokens[: end - number])
                self._readings[number].record(text, ask.tables[self._group], start)
                start = end - number
            unread.append(start)
        self._tails[ask.request].forget(min(unread))

    def _features(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """[positions, width]: what is read beside tokens of what taps tell."""
        return states[:, 0]

    def _copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Blocks have been copied, (from, to)."""
        for readings in self._readings:
            for source, target in pairs:
                readings.copy(source, target)

    def _beginning(self, text: ReadText) -> _Tail:
        """What was told of the positions right before these, where a text that has ended begins so."""
        for tail in reversed(self._ends):
            if tail.start < text.start <= tail.end and tail.text[: text.start] == text.before[: text.start]:
                return _Tail(tail.start, tail.states[: text.start - tail.start], text.before)
        return _Tail(text.start, self._features(text.states[:0]), text.before)

    def _tail(self, ask: Ask) -> _Tail | None:
        """What was told of the positions of all tokens but the last, where it was told of the last of these."""
        tail = self._tails.get(ask.request)
        return None if tail is None or tail.end != len(ask.tokens) - 1 or not len(tail.states) else tail

    def _length(self, ask: Ask, end: int, number: int) -> int:
        """How many positions before `end` one of the heads has read; of what it reads with them, nothing was
        guessed."""
        return self._readings[number].length(array("i", ask.tokens[: max(end - number, 0)]), ask.tables[self._group])

    def _read(self, ask: Ask, tail: _Tail, end: int) -> None:
        """Reads what no head has read yet, up to `end`, and forgets what it was told of that."""
        table = ask.tables[self._group]
        for number, readings in enumerate(self._readings):
            start, stop = self._length(ask, end, number), end - number
            if start < stop:
                readings.begin(table, start, stop)
                head, ahead = self._heads[number], 1 + number
                self._lockstep.read(ask, (table,), start, stop, ahead=ahead, features=tail.of, model=head)
                readings.record(array("i", ask.tokens[:stop]), table, start)
        tail.forget(end + 1 - len(self._heads))

    def _with_guess(self, asks: int) -> int:
        return max(1, min(_WITH_GUESS, self._heads[0].max_tokens // max(2 * asks, 1)))
