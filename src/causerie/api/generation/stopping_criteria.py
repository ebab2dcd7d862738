"""The field's stopping criteria: what generate() asks after each step whether a row shall end. Names, arguments and
results are transformers'; ids may be tensors or arrays, and the answer is of the same kind.

Knows token ids and, for stop strings, a tokenizer it is handed; no engine.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from causerie.api.generation.caller_code import name_of
from causerie.api.generation.flag_values import end_tokens
from causerie.api.generation.prompt_rows import Container
from causerie.api.generation.streamers import text_of
from causerie.api.tensors import to_numpy
from causerie.errors import UsageError
from causerie.text.detokenize import token_bytes

if TYPE_CHECKING:
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer


class StoppingCriteria:
    """To be subclassed. A criterion is called with ids [rows, tokens], prompts included, and with a tuple of scores
    [rows, vocabulary], one for each new token (None unless generate() was asked for output_scores and
    return_dict_in_generate). It says for each row whether it ends: booleans [rows], or one for all rows."""

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        """Whether each row ends."""
        raise NotImplementedError("StoppingCriteria is to be subclassed: give your class a __call__(input_ids, scores)")


class StoppingCriteriaList(list[Any]):
    """Several criteria, one of which is enough to end a row."""

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        """Whether each row ends: booleans [rows]."""
        return _like(input_ids, ended_rows(self, input_ids, scores, **kwargs))

    @property
    def max_length(self) -> int | None:
        """The length of the first MaxLengthCriteria among them."""
        return next((each.max_length for each in self if isinstance(each, MaxLengthCriteria)), None)


class MaxLengthCriteria(StoppingCriteria):
    """Ends every row when prompt and answer have `max_length` tokens together. Warns once of rows that are longer than
    `max_position_embeddings`, the model's context."""

    def __init__(self, max_length: int, max_position_embeddings: int | None = None) -> None:
        self.max_length = max_length
        self.max_position_embeddings = max_position_embeddings
        self._warned = False

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        """Whether each row ends."""
        rows, length = input_ids.shape
        ended = length >= self.max_length
        if self.max_position_embeddings is not None and not ended and length > self.max_position_embeddings:
            if not self._warned:
                warnings.warn(
                    f"A row has {length} tokens, and the model's context is {self.max_position_embeddings}.",
                    stacklevel=2,
                )
            self._warned = True
        return _like(input_ids, np.full(rows, ended))


class MaxTimeCriteria(StoppingCriteria):
    """Ends every row when more than `max_time` seconds have passed since `initial_timestamp` (of time.time();
    by default now)."""

    def __init__(self, max_time: float, initial_timestamp: float | None = None) -> None:
        self.max_time = max_time
        self.initial_timestamp = time.time() if initial_timestamp is None else initial_timestamp

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        """Whether each row ends."""
        return _like(input_ids, np.full(input_ids.shape[0], time.time() - self.initial_timestamp > self.max_time))


class EosTokenCriteria(StoppingCriteria):
    """Ends a row whose last token is `eos_token_id`, or one of them; raises UsageError for what is no token id."""

    def __init__(self, eos_token_id: Any) -> None:
        tokens = end_tokens("eos_token_id", eos_token_id)
        self.eos_token_id = tokens if isinstance(tokens, list) else [tokens]

    def __call__(self, input_ids: Any, scores: Any, new_token_length: int = 1, **kwargs: Any) -> Any:
        """Whether each row ends: one of its last `new_token_length` tokens ends answers."""
        ids = to_numpy(input_ids)[:, -new_token_length:]
        return _like(input_ids, np.asarray(np.isin(ids, self.eos_token_id).any(axis=-1)))


class StopStringCriteria(StoppingCriteria):
    """Ends a row whose last token completes one of `stop_strings`; the token may go on after it. Raises UsageError for
    another library's tokenizer and for an empty stop string."""

    def __init__(self, tokenizer: ChatTokenizer, stop_strings: str | Sequence[str]) -> None:
        self.stop_strings = (stop_strings,) if isinstance(stop_strings, str) else tuple(stop_strings)
        if not self.stop_strings or not all(self.stop_strings):
            raise UsageError(f"stop_strings is {stop_strings!r}; expected a text or several, none of them empty.")
        self._text = text_of(tokenizer)
        self._stops = [text.encode() for text in self.stop_strings]
        self._longest = max(map(len, self._stops))

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        """Whether each row ends."""
        # A token that says nothing takes a place of the tail and no byte, as it does in transformers.
        tail = to_numpy(input_ids)[:, -self._longest :]
        return _like(input_ids, np.array([self._completed(row) for row in tail.tolist()], dtype=bool))

    def _completed(self, tokens: list[int]) -> bool:
        *earlier, last = (token_bytes(self._text, token) for token in tokens)
        before = b"".join(earlier)
        text = before + last
        return any(text.find(stop, max(0, len(before) - len(stop) + 1)) >= 0 for stop in self._stops)


def ended_rows(criteria: Sequence[Any], input_ids: Any, scores: Any, **kwargs: Any) -> NDArray[np.bool_]:
    """Which rows one of the criteria ends [rows]. Raises UsageError for an answer that is not a boolean for each row or
    one for all of them."""
    rows = input_ids.shape[0]
    ended = np.zeros(rows, dtype=bool)
    for criterion in criteria:
        said = criterion(input_ids, scores, **kwargs)
        answer = np.asarray(None) if said is None else to_numpy(said)
        if answer.ndim == 2 and answer.shape[1] == 1:
            answer = answer[:, 0]
        if answer.dtype.kind not in "biu" or answer.shape not in ((), (1,), (rows,)):
            result = "None" if said is None else f"{answer.dtype} of shape {list(answer.shape)}"
            raise UsageError(
                f"The stopping criterion {name_of(criterion)} gave {result}; expected True or False for each row "
                f"(shape [{rows}]), or one for all of them."
            )
        ended |= answer.astype(bool)
    return ended


def _like(input_ids: Any, ended: NDArray[np.bool_]) -> Any:
    return Container.of(input_ids).array(ended)
