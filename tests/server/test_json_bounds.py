"""Bodies are measured before they are decoded, and measuring them is right about every string."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.server.http.json_bounds import MOST_DEPTH, MOST_MEMBERS, MOST_VALUES, TooDeep, TooMany, check_bounds

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='[]{}",\\:a', max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='[{"\\', max_size=3), inner, max_size=3)
    ),
    max_leaves=30,
)


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


@given(VALUES, st.integers(0, MOST_DEPTH))
def test_depth_is_that_of_the_values(value: Any, more: int) -> None:
    text = b"[" * more + json.dumps(value).encode() + b"]" * more
    if more + _depth(value) <= MOST_DEPTH:
        check_bounds(text)
    else:
        with pytest.raises(TooDeep):
            check_bounds(text)


def test_what_is_closed_is_taken_back_once() -> None:
    for opened in (b"[[],", b'{"a":{},"b":', b'[{"a":[]},'):
        check_bounds(opened * 60 + b"1")
        with pytest.raises(TooDeep):
            check_bounds(opened * (MOST_DEPTH + 1) + b"1")


def test_brackets_without_end_are_too_deep() -> None:
    for text in (b"[" * 4_000_000, b'{"a":' * 65, b'"' + b"[" * 99 + b'",' + b"[" * 65):
        with pytest.raises(TooDeep):
            check_bounds(text)


def test_depth_goes_on_from_stretch_to_stretch() -> None:
    """A text is looked at a quarter of a million bytes at a time."""
    for count, fits in ((MOST_DEPTH, True), (MOST_DEPTH + 1, False)):
        spaced = (b"[" + b" " * 40_000) * count + b"]" * count
        deep = (b"[" * 40 + b" " * 300_000) + b"[]" * 9 + b"[" * (count - 40) + b"]" * count
        for text in (spaced, deep):
            if fits:
                check_bounds(text)
            else:
                with pytest.raises(TooDeep):
                    check_bounds(text)


def test_millions_of_values_are_too_many() -> None:
    for text in (b"[" + b"[]," * 4_000_000 + b"1]", b"[" + b"1," * (MOST_VALUES + 1) + b"1]"):
        with pytest.raises(TooMany):
            check_bounds(text)
    check_bounds(b"[" + b"1," * (MOST_VALUES - 1) + b"1]")
    check_bounds(b"[" + b"[]," * (MOST_MEMBERS - 2) + b"1]")
    for text in (b"[" + b"[]," * MOST_MEMBERS + b"1]", b"[" + b'{"a":1},' * (MOST_MEMBERS // 2) + b"1]"):
        with pytest.raises(TooMany):  # though they are no million of values
            check_bounds(text)
    check_bounds(b"[" + b'{"a":1},' * (MOST_MEMBERS // 2 - 1) + b"1]")


def test_what_stands_in_a_string_counts_for_nothing() -> None:
    check_bounds(json.dumps({"text": '[{,:"\\' * 400_000}).encode())
