"""A growing text in the tokens of a second tokenizer, and how it goes on translated back: for a model that guesses
for another one with other tokens.

Only the last stretch of the text is encoded again when it grows, as what comes can change only the last tokens. What
cannot be said in the other's tokens (its control tokens, half a character) is left out. It knows two tokenizers, and
neither a model nor who asks.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence

from causerie.errors import Unsupported
from causerie.text.decoders import build_stages
from causerie.text.detokenize import Detokenizer
from causerie.text.tokenizer import Tokenizer

_LONG, _SHORT = 64, 16  # tokens of the stretch that is encoded again: where it is cut, and what then is left of it
_CONTEXT = 48  # characters before a stretch that are encoded with it, since tokens differ at the beginning of a text
_HALVES = 5  # tokens at most that are the beginning of a character, with one that also ends another
_APART = "\n"  # what a word is encoded behind that is not to be joined with what comes before


class TokenTranslator:
    """From the tokens of a model to those of another one that drafts for it, and back."""

    def __init__(self, model: Tokenizer, draft: Tokenizer) -> None:
        """Raises Unsupported for a tokenizer whose tokens are no text one by one."""
        for tokenizer in (model, draft):
            if build_stages(tokenizer.decoder_rules()) is None:
                raise Unsupported(
                    f"The tokenizer of {tokenizer.folder} needs all tokens of a text to make text of one, so a draft "
                    "cannot be translated. Choose a draft model with the same tokenizer."
                )
        self.model = model
        self.draft = draft
        self.beginning = tuple(draft.surrounding()[0])
        self.ends = tuple(token for content, token in draft.added_tokens.items() if draft.is_special(content))
        self.spellings = {
            token: self._spelling(content) for content, token in model.added_tokens.items() if model.is_special(content)
        }

    def begin(self) -> TranslatedText:
        """A text that has no tokens yet."""
        return TranslatedText(self)

    def _spelling(self, content: str) -> str:
        """What a control token of the model is called by the draft; "" where it has none like it."""
        number = self.draft.token_to_id(content)
        if number is not None and self.draft.is_special(content):
            return "" if number in self.beginning else content
        names = self.draft.special_tokens_map
        return names.get("eos_token", "") if content == self.model.special_tokens_map.get("eos_token") else ""


class TranslatedText:
    """One text. `grow` comes before `back`."""

    def __init__(self, translator: TokenTranslator) -> None:
        self._translator = translator
        self._detokenizer = Detokenizer(translator.model)
        self._count = 0  # tokens of the model that are taken up
        self._last: deque[tuple[int, int]] = deque(maxlen=_HALVES)  # of them the last ones, and where each begins
        self._length = 0  # of the text, in characters
        self._tokens = array("i", translator.beginning)
        self._fixed = len(self._tokens)  # of them, those that stay
        self._before, self._stretch = "", ""  # some characters before the others' text, and that text

    def grow(self, tokens: Sequence[int]) -> array[int]:
        """All of the text in the draft's tokens, where the model's are `tokens`, which begin with those of the call
        before. Half a character at the end is left out."""
        text = "".join([self._text(token) for token in tokens[self._count :]])
        self._count = len(tokens)
        if text:
            self._stretch += text
            self._encode()
        return self._tokens

    def back(self, guess: Sequence[int]) -> tuple[list[int], list[int], bool]:
        """What a guess of how the draft's tokens go on is in the model's tokens; for each of these, how many of the
        guess begin before its end; and whether the last one is whole, and not perhaps the beginning of a longer one."""
        detokenizer = Detokenizer(self._translator.draft)
        detokenizer.push_all(self._tokens[-1:])  # a text's first token may lose its space
        text, begins = "", []
        for token in guess:
            if token in self._translator.ends:
                break
            begins.append(len(text))
            text += detokenizer.push(token)
        tokens, ends = self._continued(text) if text else ([], [])
        if not tokens:
            return [], [], False
        whole = len(begins) < len(guess) or begins[-1] == (ends[-2] if len(ends) > 1 else 0)
        return tokens, [sum(begin < end for begin in begins) for end in ends], whole

    def _text(self, token: int) -> str:
        text = self._translator.spellings.get(token)
        if text is None:
            self._last.append((token, self._length))
            text = self._detokenizer.push(token)
        else:
            self._last.clear()
        self._length += len(text)
        return text

    def _encode(self) -> None:
        """Encodes the last stretch anew, and cuts it where it has become long."""
        text, start = self._before + self._stretch, len(self._before)
        tokens, ends = _encoded(self._translator.draft, text)
        first = _place(ends, start)
        if first is None:
            text, start, first = self._stretch, 0, 0
            tokens, ends = _encoded(self._translator.draft, text)
        del self._tokens[self._fixed :]
        self._tokens.extend(tokens[first:])
        if len(tokens) - first > _LONG:
            self._cut(text, first, ends)

    def _cut(self, text: str, first: int, ends: Sequence[int]) -> None:
        """Lets all but the last tokens of the stretch stay as they are, up to the beginning of a word where there is
        one, since those that follow are then encoded as they would be with all before them."""
        borders = [place for place in range(first + 1, len(ends) - _SHORT) if ends[place - 1] < ends[place]]
        words = [place for place in borders[-_SHORT:] if text[ends[place - 1]].isspace()]
        if borders:
            cut = (words or borders)[-1]
            self._fixed += cut - first
            end = ends[cut - 1]
            self._before, self._stretch = text[max(0, end - _CONTEXT) : end], text[end:]

    def _continued(self, text: str) -> tuple[list[int], list[int]]:
        """The model's tokens of a text that follows, and where in it they end."""
        context = (self._before + self._stretch)[-_CONTEXT:]
        tokens, ends = _encoded(self._translator.model, context + text)
        half = sum(begin == self._length for _, begin in self._last)  # of the last tokens, that gave no text yet
        for count in range(len(self._last), half - 1, -1):
            tail = list(self._last)[len(self._last) - count :]
            first = _place(ends, len(context) - (self._length - tail[0][1] if tail else 0))
            if first is not None and tokens[first : first + count] == [token for token, _ in tail]:
                return tokens[first + count :], [end - len(context) for end in ends[first + count :]]
        tokens, ends = _encoded(self._translator.model, _APART + text)
        first = _place(ends, len(_APART))
        return ([], []) if first is None or half else (tokens[first:], [end - len(_APART) for end in ends[first:]])


def _encoded(tokenizer: Tokenizer, text: str) -> tuple[list[int], list[int]]:
    """The tokens of a text, and where each of them ends: the next one begins there, whatever its own span says, which
    may leave out a space."""
    tokens, spans = tokenizer.encode_with_spans(text, add_special_tokens=False)
    ends, end = [], 0
    for _, stop in spans:
        end = max(end, stop)
        ends.append(end)
    return tokens, ends


def _place(ends: Sequence[int], start: int) -> int | None:
    """The first token that begins at a character; None where that lies within one, or before all."""
    if start < 0:
        return None
    place = bisect_right(ends, start) if start else 0
    return place if not start or (place and ends[place - 1] == start) else None
