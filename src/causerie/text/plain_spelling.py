"""Encodes text in which some spellings of control tokens are ordinary text and the others are control tokens.

A twin of the tokenizer knows every added token by a private name instead of its spelling. Text handed to the twin has
each genuine control token replaced by its private name, so everything else, a typed `<|im_end|>` included, is what the
vocabulary makes of its characters; all other rules (normalizer, prefix spaces, stripping) run unchanged. Knows no chat.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

from causerie.errors import UsageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer as RustTokenizer

Span = tuple[int, int]

# A private name is two characters of the last private plane: a lead that does not occur in the text, and one per token.
_LEADS = range(0x10FFFD, 0x10FF00, -1)
_FIRST_NAME = 0x100000
_MOST_TOKENS = 0xF000


class PlainSpelling:
    """The twin of one tokenizer. Immutable once built; building one costs some tenths of a second for a large
    vocabulary."""

    def __init__(self, tokenizer: RustTokenizer, lead: str) -> None:
        from tokenizers import Tokenizer as RustTokenizer

        self.lead = lead
        document = json.loads(tokenizer.to_str())
        added = document["added_tokens"]
        if len(added) > _MOST_TOKENS:
            raise UsageError(
                f"The tokenizer has {len(added)} added tokens; keeping typed control tokens as text works up to "
                f"{_MOST_TOKENS}."
            )
        self._ids: dict[str, int] = {}
        self._names: dict[str, str] = {}
        names: dict[str, int] = {}
        for index, token in enumerate(added):
            name = lead + chr(_FIRST_NAME + index)
            self._ids[token["content"]] = token["id"]
            self._names[token["content"]] = name
            names[name] = token["id"]
            token["content"] = name
        if document["model"]["type"] == "Unigram":  # here a control token is a piece too, and a likely one
            document["model"]["vocab"] = [[self._names.get(piece, piece), s] for piece, s in document["model"]["vocab"]]
        document["post_processor"] = None
        self._twin = RustTokenizer.from_str(json.dumps(document))
        self._original: dict[int, int] = {}
        for name, token_id in names.items():
            twin_id = self._twin.token_to_id(name)
            if twin_id is not None:
                self._original[twin_id] = token_id
        longest_first = sorted(self._names, key=len, reverse=True)
        self._spelling = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")

    def encode(self, text: str, plain: Sequence[Span], also_plain: frozenset[str]) -> tuple[list[int], list[Span]]:
        """Ids and character spans of `text`, where control tokens that begin inside one of the `plain` spans (sorted),
        and all those in `also_plain`, are ordinary text. UsageError if the vocabulary makes one from ordinary text all
        the same."""
        starts = [start for start, _ in plain]
        pieces: list[str] = []
        edges = [(0, 0)]  # (position in the rewritten text, position in `text`)
        position, length, typed = 0, 0, set()
        for match in self._spelling.finditer(text):
            index = bisect_right(starts, match.start()) - 1
            spelled_in_span = index >= 0 and match.start() < plain[index][1]
            if match.group() in also_plain or spelled_in_span:
                typed.add(match.group())
                continue
            name = self._names[match.group()]
            pieces += (text[position : match.start()], name)
            length += match.start() - position + len(name)
            position = match.end()
            edges.append((length, position))
        pieces.append(text[position:])
        encoding = self._twin.encode("".join(pieces), add_special_tokens=False)
        self._refuse_made_from_text(encoding.ids, typed)
        tokens = [self._original.get(token, token) for token in encoding.ids]
        return tokens, [(_restore(edges, start), _restore(edges, end)) for start, end in encoding.offsets]

    def _refuse_made_from_text(self, twin_ids: Sequence[int], typed: set[str]) -> None:
        present = set(twin_ids)
        for spelling in typed:
            token = self._ids[spelling]
            # A genuine token has the twin's new id, so the original id can only come from ordinary text.
            if token in present and token not in self._original:
                raise UsageError(
                    f"The text spells the control token {spelling!r}, and this vocabulary makes that token even from "
                    "plain text. Write it differently, for instance with a space inside."
                )


def plain_spelling(tokenizer: RustTokenizer, text: str, built: PlainSpelling | None) -> PlainSpelling:
    """A twin whose lead character does not occur in `text`: the one already built, or a new one."""
    if built is not None and built.lead not in text:
        return built
    lead = next(chr(code) for code in _LEADS if chr(code) not in text)
    return PlainSpelling(tokenizer, lead)


def _restore(edges: Sequence[Span], position: int) -> int:
    """The position in the original text of a position in the rewritten one."""
    rewritten, original = edges[bisect_right(edges, (position, 1 << 62)) - 1]
    return original + position - rewritten
