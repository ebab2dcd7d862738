"""Prompt lookup against a search through all of the text."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.decoding.drafting.drafter import Ask
from causerie.decoding.drafting.lookup import PromptLookup

LONGEST = 32


def longest_suffix(text: list[int]) -> int:
    """How many last tokens occur before."""
    length = 0
    while length + 1 < len(text) and any(
        text[end - length - 1 : end] == text[len(text) - length - 1 :] for end in range(length + 1, len(text))
    ):
        length += 1
    return length


def follows_an_occurrence(text: list[int], length: int, draft: list[int]) -> bool:
    """Whether the draft is what followed the last `length` tokens somewhere, the draft itself included."""
    whole = text + draft
    return any(
        text[end - length : end] == text[len(text) - length :] and whole[end : end + len(draft)] == draft
        for end in range(length, len(text))
    )


texts = st.one_of(
    st.lists(st.integers(0, 30), max_size=40),
    st.lists(st.integers(0, 40), min_size=3, max_size=9).map(lambda run: run * 4),
    st.tuples(st.lists(st.integers(0, 60), min_size=12, max_size=40), st.integers(0, 20)).map(
        lambda each: each[0] + [99] + each[0][each[1] :]
    ),
)


@settings(max_examples=300, deadline=None)
@given(texts, st.integers(1, 12), st.integers(0, 40), st.data())
def test_a_draft_follows_the_longest_match(text: list[int], most: int, prompt: int, data: st.DataObject) -> None:
    """Asked at some tokens and not at others."""
    drafter, tokens = PromptLookup(), array("i", text[:prompt])
    for token in [None, *text[prompt:]]:
        if token is not None:
            tokens.append(token)
            if data.draw(st.booleans()):
                continue
        (draft,) = drafter.propose([Ask(3, tokens, most)])
        length = longest_suffix(tokens.tolist())
        if length < 2:
            assert not draft.tokens
            continue
        assert len(draft.tokens) == most == len(draft.evidence)
        assert follows_an_occurrence(tokens.tolist(), min(length, LONGEST), list(draft.tokens))


def test_longer_matches_speak_louder() -> None:
    run = list(range(10, 40))
    ((short, weak), (long, strong)) = PromptLookup().propose([
        Ask(0, array("i", [*run, 1, *run[:3]]), 20),
        Ask(1, array("i", [*run, 1, *run[:18]]), 8),
    ])  # fmt: skip
    assert list(short) == run[3:23] and list(long) == run[18:26]
    assert list(weak) == [1, 2, 2, 3, 3, 3] + [4] * 8 + [5] * 6 and list(strong) == [5] * 8
    assert list(PromptLookup.chances) == sorted(PromptLookup.chances)


def test_a_match_counts_as_long_as_is_looked_for() -> None:
    text = array("i", [*range(20), *range(10)])
    (draft,) = PromptLookup().propose([Ask(0, text, 4, longest_match=2)])
    assert list(draft.tokens) == [10, 11, 12, 13] and list(draft.evidence) == [0, 1, 2, 2]


def test_the_latest_occurrence_is_followed() -> None:
    (draft,) = PromptLookup().propose([Ask(0, array("i", [1, 2, 3, 8, 1, 2, 4, 8, 1, 2, 5, 8, 1, 2]), 1)])
    assert list(draft.tokens) == [5]


@pytest.mark.parametrize("text", [[], [1], [1, 1], [1, 2], [1, 1, 1]])
def test_short_texts(text: list[int]) -> None:
    (draft,) = PromptLookup().propose([Ask(0, array("i", text), 3)])
    assert list(draft.tokens) == ([1, 1, 1] if len(text) == 3 else [])


def test_requests_know_nothing_of_each_other_and_are_forgotten() -> None:
    drafter = PromptLookup()
    drafter.propose([Ask(0, array("i", [1, 2, 3, 4]), 3)])
    drafts = drafter.propose([Ask(1, array("i", [1, 2]), 3), Ask(0, array("i", [1, 2, 3, 4, 1, 2]), 3)])
    assert [list(draft.tokens) for draft in drafts] == [[], [3, 4, 1]]
    drafter.forget(0)
    drafter.forget(7)
    (draft,) = drafter.propose([Ask(0, array("i", [5, 6, 1, 2]), 3)])
    assert not draft.tokens


def test_a_run_that_occurs_everywhere_costs_a_bounded_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: how many candidates are compared, in the prompt's index and in the answer's."""
    import causerie.decoding.drafting.lookup as lookup

    compared: list[int] = []
    common = lookup._common
    monkeypatch.setattr(lookup, "_common", lambda tokens, end: compared.append(end) or common(tokens, end))
    tokens = array("i", [1, 2, 3] * 1 + [token for extra in range(500) for token in (1, 2, 10 + extra)])
    drafter = PromptLookup()
    for extra in range(200):
        tokens.extend((1000 + extra, 1, 2))
        compared.clear()
        (draft,) = drafter.propose([Ask(0, tokens, 2)])
        assert draft.tokens and 0 < len(compared) <= 24
