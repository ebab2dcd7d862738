"""Layers that look back a window: their blocks come and go as a chat goes on, and texts are gone on with only where a
window is there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from causerie.backends.ops import BlockCount, CacheShape
from causerie.cache.book import CacheBook
from causerie.cache.node import Node
from tests.engine.scripted import ScriptedModel
from tests.engine.test_scheduler import Watched, text, text_of

WINDOW = 8


def sliding(**settings: int) -> ScriptedModel:
    """Some layers look back to the beginning, some a window, whose 10 blocks hold 40 positions."""
    return ScriptedModel(
        **{"context": 400, "blocks": 100, "max_tokens": 16} | settings, windows=(BlockCount(10, WINDOW),)
    )


def test_a_growing_chat_takes_no_more_of_a_window() -> None:
    """From one window to twenty, and in turns: what all layers keep grows, what the sliding ones keep does not."""
    engine = Watched(sliding())
    used: list[tuple[int, int]] = []
    chat = [1, 2, 3, 4, 5, 6, 7, 8]
    for _ in range(4):
        number = engine.start(chat, max_tokens=5 * WINDOW)
        while engine.busy:
            for event in engine.step():
                chat += [] if event.token is None else [event.token]
            full, window = engine.stats().groups
            if window.busy:
                used.append((full.busy, window.busy))
        assert number < 4
    assert len(chat) == 21 * WINDOW
    reading = -(-(WINDOW - 1 + 16) // 4) + 1
    assert max(window for _, window in used) <= reading
    steady = [window for full, window in used if full >= 6]
    assert set(steady[8:20]) == set(steady[-12:]) == {3, 2} and max(full for full, _ in used) == 21 * WINDOW // 4
    assert engine.stats().cached_tokens == sum(8 + 40 * turn - 1 for turn in range(1, 4))


def test_a_model_of_windows_alone_goes_on_beyond_its_blocks() -> None:
    model = ScriptedModel(context=300, full=False, windows=(BlockCount(7, WINDOW),), max_tokens=8)
    engine = Watched(model)
    assert engine.capacity == 300
    number = engine.start([1, 2, 3], max_tokens=250)
    assert text(engine.finish()[number]) == text_of(model, [1, 2, 3], 250)
    small = Watched(ScriptedModel(context=300, full=False, windows=(BlockCount(4, WINDOW),), max_tokens=8))
    assert small.capacity == 16  # what holds no window and a step holds what it holds


def test_an_earlier_branch_goes_on_where_its_window_is_still_there() -> None:
    engine = Watched(sliding(max_tokens=64))
    prompt = [at % 30 for at in range(24)]
    engine.start(prompt, max_tokens=12)
    engine.finish()
    engine.start([*prompt[:18], 31, 31], max_tokens=1)  # its window slid out, and nobody needed the blocks since
    engine.finish()
    assert engine.counts()[-1] == {1: 2}
    engine.start([31] * 38, max_tokens=1)  # takes all blocks
    engine.finish()
    engine.start([*prompt[:18], 30, 30], max_tokens=1)
    engine.finish()
    assert sum(counts.get(3, 0) for counts in engine.counts()) == 20


def test_what_slid_out_goes_before_what_was_used_longest_ago() -> None:
    engine = Watched(sliding(max_tokens=4))
    engine.start([1] * 8, max_tokens=1)
    engine.finish()
    engine.start([2] * 24, max_tokens=1)  # ten blocks in all: two of the first text, the rest of this one
    engine.finish()
    engine.start([3] * 12, max_tokens=1)
    engine.finish()
    engine.start([1] * 9, max_tokens=1)
    engine.finish()
    assert sum(counts.get(3, 0) for counts in engine.counts()) == 1


def test_a_prompt_takes_blocks_of_a_window_as_it_is_read() -> None:
    """Ten blocks of a window would not hold the prompts of two at once; both are read in turns all the same."""
    engine = Watched(sliding(max_tokens=8))
    for start in (1, 2):
        engine.start([start] * 100, max_tokens=2)
    first = engine.step()
    assert engine.stats().groups[0].busy == 25 and engine.stats().groups[1].busy == 2 and not first
    events = engine.finish()
    assert [len(text(found)) for found in events.values()] == [2, 2]
    assert [found[-1].stats.preemptions for found in events.values() if found[-1].stats] == [0, 0]


def test_the_room_that_prompts_will_need_is_left_to_them() -> None:
    """A window and a step are 6 blocks: of 12 two prompts get theirs, and the third waits; nobody is sent back."""
    model = ScriptedModel(context=400, blocks=100, max_tokens=12, windows=(BlockCount(14, WINDOW),))
    engine = Watched(model)
    for start in (1, 2, 3):
        engine.start([start] * 60, max_tokens=2)
    engine.step()
    assert (engine.stats().running, engine.stats().waiting) == (2, 1)
    events = engine.finish()
    assert sum(found[-1].stats.preemptions for found in events.values() if found[-1].stats) == 0


@given(st.data(), st.sampled_from([1, 2, 4]), st.lists(st.integers(2, 9), min_size=1, max_size=2, unique=True))
def test_what_is_found_is_the_longest_beginning_that_every_window_reaches(
    data: st.DataObject, size: int, windows: list[int]
) -> None:
    groups = (BlockCount(30 // size), *(BlockCount(data.draw(st.integers(6, 30)) // size, each) for each in windows))
    book = CacheBook(CacheShape(groups, size, "float32"), rows=3)
    tokens = st.lists(st.integers(0, 1), min_size=1, max_size=16)
    for _ in range(data.draw(st.integers(1, 8))):
        written = data.draw(tokens)
        lease = book.open(written, len(written) - 1, len(written))
        filled = 0 if lease is None else lease.cached
        while lease is not None and filled < len(written):
            if not book.grow(lease, filled, len(written)):
                break
            filled = min(len(written), filled + 3)
            book.unpin()
            book.record(lease, written, filled)
            book.slide(lease, filled)
            book.check_integrity([lease])
        if lease is not None:
            book.unpin()
            book.close(lease, written, filled)
        book.check_integrity([])
        asked = data.draw(tokens)
        match = book.index.match(asked, len(asked))
        assert len(match.path) * size + match.partial == longest(book, asked, size, windows)


def longest(book: CacheBook, asked: list[int], size: int, windows: list[int]) -> int:
    """By trying: along the path of whole blocks, and one more at its end, the longest whose windows are there."""
    pending: list[tuple[Node, int, list[list[int]]]] = [(book.index.root, 0, [])]  # node, its end, blocks down to it
    best = 0
    while pending:
        node, at, blocks = pending.pop()
        for key, child in node.children.items():
            common = next((i for i, (a, b) in enumerate(zip(key, asked[at:], strict=False)) if a != b), None)
            common = min(len(key), len(asked) - at) if common is None else common
            here = [*blocks, child.blocks]
            if common == size:
                pending.append((child, at + size, here))
            elif at + size <= len(asked) and tuple(asked[at : at + size]) in node.children:
                continue
            for position in range(at + 1, at + common + 1):
                firsts = [min(max(0, position - window + 1) // size, len(here) - 1) for window in windows]
                if all(blocks[g] >= 0 for g, first in enumerate(firsts, 1) for blocks in here[first:]):
                    best = max(best, position)
    return best
