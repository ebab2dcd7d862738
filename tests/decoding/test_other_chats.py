"""Lookup in texts that have ended, against a search through all of them."""

from __future__ import annotations

from array import array
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.decoding.drafting.drafter import Ask, RecallingDrafter
from causerie.decoding.drafting.other_chats import OtherChats
from causerie.decoding.drafting.recent_texts import LEAST, LONG, RecentTexts
from causerie.decoding.params import SamplingParams

MINE, YOURS = SamplingParams(client="me"), SamplingParams(client="you")
texts = st.lists(st.lists(st.integers(0, 2), max_size=60), min_size=1, max_size=8)


def common(one: list[int], other: list[int]) -> int:
    """How many last tokens are the same."""
    length = 0
    while length < min(len(one), len(other)) and one[-1 - length] == other[-1 - length]:
        length += 1
    return length


def tail(added: list[list[int]], capacity: int) -> list[list[int]]:
    """What a ring of `capacity`, with a border behind each text, still has of them."""
    room, kept = capacity, []
    for text in reversed(added):
        room -= 1
        kept.insert(0, text[max(0, len(text) - max(room, 0)) :] if room > 0 else [])
        room -= len(text)
    return kept


@settings(max_examples=300, deadline=None)
@given(texts, st.lists(st.integers(0, 2), max_size=40), st.sampled_from([24, 100, 1000]), st.integers(0, 40))
def test_a_match_is_one(added: list[list[int]], tokens: list[int], capacity: int, longest: int) -> None:
    recent = RecentTexts(capacity)
    for text in added:
        recent.add(array("i", text))
    there = tail([text[-capacity + 1 :] for text in added], capacity)
    best = max((common(text[:end], tokens) for text in there for end in range(len(text) + 1)), default=0)
    place, length = recent.match(tokens, longest)
    assert length <= min(best, longest)
    if not length:
        return
    assert length >= LEAST
    follows = [
        text[end : end + 5]
        for text in there
        for end in range(length, len(text) + 1)
        if text[end - length : end] == tokens[len(tokens) - length :]
    ]
    assert recent.following(place, 5) in follows


def test_the_latest_occurrence_of_a_run_is_found_and_a_long_one_first() -> None:
    draw, recent = Random(1), RecentTexts(1000)
    long, other = [draw.randrange(5000) for _ in range(40)], [draw.randrange(5000) for _ in range(20)]
    recent.add([*long, 1, 2, 3])
    recent.add([*other, *long[-LEAST:], 4, 5])
    recent.add([*other, 6])
    assert recent.following(recent.match(long, 32)[0], 9) == [1, 2, 3]
    assert recent.following(recent.match(long[-LEAST:], 32)[0], 9) == [4, 5]
    assert recent.following(recent.match([9, *long[-LEAST:]], 32)[0], 1) == [4]
    assert recent.match(long, 32)[1] == 32 and recent.match(long, 8)[1] <= 8
    assert recent.match(long[-LEAST + 1 :], 32) == recent.match(long, LEAST - 1) == (0, 0)
    assert recent.following(recent.match(other, 32)[0], 9) == [6]


def test_what_is_older_than_the_capacity_is_gone() -> None:
    draw, recent = Random(2), RecentTexts(200)
    runs = [[draw.randrange(5000) for _ in range(50)] for _ in range(12)]
    for run in runs:
        recent.add(run)
    lengths = [recent.match(run[:LONG], 32)[1] for run in runs]
    assert lengths == [0] * 8 + [12] + [LONG] * 3  # all but four tokens of the ninth are there
    place = recent.match(runs[9][:LONG], 32)[0]
    assert recent.following(place, 3) == runs[9][LONG : LONG + 3]
    recent.add([draw.randrange(5000) for _ in range(1000)])
    assert recent.following(place, 3) == []  # what is at its place in the ring now came later
    assert recent.match([5001] * LONG, 32) == (0, 0) and recent.at(10**9) == -1
    assert all(recent.match(run[:LONG], 32) == (0, 0) for run in runs)


def test_what_followed_in_another_text_is_proposed() -> None:
    draw, chats = Random(3), OtherChats()
    assert isinstance(chats, RecallingDrafter)
    text = [draw.randrange(5000) for _ in range(100)]
    chats.remember(array("i", text), 0, "me")
    tokens = array("i", [7, 8, *text[10:20]])
    (draft,) = chats.propose([Ask(1, tokens, 12, params=MINE)])
    assert list(draft.tokens) == text[20:32] and list(draft.evidence) == [1] * 3 + [2] * 4 + [3] * 5
    tokens.extend(text[20:24])
    (draft,) = chats.propose([Ask(1, tokens, 100, params=MINE)])
    assert list(draft.tokens) == text[24:]  # as far as the text goes
    tokens.extend([*text[24:27], 9])
    (draft,) = chats.propose([Ask(1, tokens, 5, params=MINE)])
    assert not draft.tokens
    tokens.extend(text[50:56])
    (draft,) = chats.propose([Ask(1, tokens, 5, params=MINE)])
    assert list(draft.tokens) == text[56:61] and list(draft.evidence) == [0, 0, 0, 1, 1]
    chats.forget(1)
    chats.forget(2)
    (draft,) = chats.propose([Ask(1, array("i", text[:3]), 5, params=MINE)])
    assert not draft.tokens


def test_nothing_is_proposed_to_others() -> None:
    chats, text = OtherChats(), list(range(100, 140))
    ask = Ask(1, array("i", text[:10]), 3, params=MINE)
    chats.remember(text, 0, "you")
    assert not chats.propose([ask])[0].tokens
    assert list(chats.propose([ask._replace(request=2, params=YOURS)])[0].tokens) == text[10:13]
    for number in range(8):  # clients who write what they may, until the first is remembered no more
        assert chats.propose([ask._replace(request=number, params=YOURS)])[0].tokens
        chats.remember(text, 0, f"client {number}")
    assert not chats.propose([ask._replace(request=9, params=YOURS)])[0].tokens
    assert len(chats._texts) == 8


def test_only_what_was_not_in_the_cache_is_taken_up_with_some_tokens_before_it() -> None:
    chats, text = OtherChats(), list(range(1000, 1200))
    chats.remember(text, 150, "me")
    ask = Ask(1, array("i", text[:150]), 4, params=MINE)
    assert list(chats.propose([ask])[0].tokens) == text[150:154]
    assert not chats.propose([ask._replace(request=2, tokens=array("i", text[:110]))])[0].tokens


def test_the_longest_match_bounds_it() -> None:
    chats, text = OtherChats(), list(range(100, 140))
    chats.remember(text, 0, "me")
    ask = Ask(1, array("i", text[:20]), 4, params=replace(MINE))
    assert not chats.propose([ask._replace(longest_match=LEAST - 1)])[0].tokens
    assert list(chats.propose([ask._replace(request=2, longest_match=LEAST)])[0].evidence) == [0, 0, 0, 1]
    assert list(chats.propose([ask._replace(request=3)])[0].evidence) == [3, 3, 3, 3]
    assert list(OtherChats.chances) == sorted(OtherChats.chances)
