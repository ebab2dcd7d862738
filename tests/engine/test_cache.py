"""Blocks and the prefix index: counts that agree, exact matching, eviction in order of use."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.backends.ops import BlockCount, CacheShape
from causerie.cache.blocks import BlockPool
from causerie.cache.book import CacheBook
from causerie.errors import EngineError


def book(blocks: int = 8, size: int = 4, shared_length: int | None = None) -> CacheBook:
    return CacheBook(CacheShape((BlockCount(blocks),), size, "float32"), 64, shared_length)


def remember(cache: CacheBook, tokens: list[int]) -> None:
    """As a sequence of `tokens` that was read and has ended."""
    lease = cache.open(tokens, len(tokens) - 1, len(tokens))
    assert lease is not None
    cache.unpin()
    cache.close(lease, tokens, len(tokens))
    cache.check_integrity([])


def found(cache: CacheBook, tokens: list[int]) -> int:
    match = cache.index.match(tokens, len(tokens))
    return len(match.path) * cache.block_size + match.partial


def test_counts_are_kept_and_checked() -> None:
    pool = BlockPool(3, 4)
    first, second = pool.allocate(2)
    pool.share(first)
    pool.release(first)
    pool.check_integrity([[first, second]], [])
    with pytest.raises(EngineError, match=f"block {min(first, second)} counts 1 holders; 0 sequences"):
        pool.check_integrity([], [])
    with pytest.raises(EngineError, match="2 cache blocks were asked for and 1 of 3"):
        pool.allocate(2)
    pool.release(second)
    with pytest.raises(EngineError, match="released more often"):
        pool.release(second)
    with pytest.raises(EngineError, match="while nobody held it"):
        pool.share(second)


def test_what_the_index_holds_is_counted_apart() -> None:
    pool = BlockPool(4, 4)
    pool.allocate(1)
    block, other = pool.allocate(2)
    pool.keep(block)
    assert (pool.holders(block), pool.is_kept(block), pool.is_idle(block), pool.idle) == (1, True, False, 0)
    with pytest.raises(EngineError, match=f"block {block} was put into the prefix index twice"):
        pool.keep(block)
    pool.release(block)
    assert (pool.holders(block), pool.is_idle(block), pool.idle, pool.available) == (0, True, 1, 2)
    pool.share(block)
    assert (pool.idle, pool.available) == (0, 1)
    pool.release(block)
    pool.drop(block)
    assert (pool.idle, pool.free, pool.is_kept(block)) == (0, 2, False)
    with pytest.raises(EngineError, match=f"block {other} was dropped from a prefix index that did not hold it"):
        pool.drop(other)


def test_every_count_that_disagrees_is_told() -> None:
    """Of two blocks that are held, one by the index too, in the middle of a pool."""
    pool = BlockPool(4, 4)
    first, second = pool.allocate(2)
    pool.keep(second)
    pool.check_integrity([[first], [second]], [second])
    for tables, kept, sentence in (
        ([[first]], [second], f"block {second} counts 2 holders; 0 sequences and 1 prefix entries"),
        ([[first], [second]], [], f"block {second} counts 2 holders; 1 sequences and 0 prefix entries"),
        ([[first], [second, second]], [], f"block {second} counts 2 holders; 2 sequences and 0 prefix entries"),
    ):
        with pytest.raises(EngineError, match=sentence):
            pool.check_integrity(tables, kept)
    pool._free.append(pool._free[0])
    with pytest.raises(EngineError, match="names a cache block twice, or one that is held"):
        pool.check_integrity([[first], [second]], [second])
    pool._free[-1] = first
    with pytest.raises(EngineError, match="names a cache block twice, or one that is held"):
        pool.check_integrity([[first], [second]], [second])
    del pool._free[-2:]
    with pytest.raises(EngineError, match="1 of 4 cache blocks are neither free nor held"):
        pool.check_integrity([[first], [second]], [second])


def test_idle_blocks_are_counted_again() -> None:
    pool = BlockPool(4, 4)
    blocks = pool.allocate(2)
    for block in blocks:
        pool.keep(block)
        pool.release(block)
    pool.check_integrity([], blocks)
    pool.idle = 1
    with pytest.raises(EngineError, match="2 cache blocks are idle and 1 were counted"):
        pool.check_integrity([], blocks)


def test_a_text_is_found_to_the_token() -> None:
    cache = book()
    remember(cache, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    assert found(cache, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) == 10  # also of an unfinished block
    assert found(cache, [1, 2, 3, 4, 5, 6, 99]) == 6  # also where it differs inside a full one
    assert found(cache, [1, 2, 99]) == 2
    assert found(cache, [2, 1]) == 0


def test_equal_hashes_are_not_equal_tokens() -> None:
    """hash(-1) == hash(-2) in Python, and tuples of them too."""
    cache = book(size=1)
    remember(cache, [-1])
    assert found(cache, [-2]) == 0


def test_an_unfinished_block_gives_way_to_its_continuation() -> None:
    cache = book()
    remember(cache, [1, 2, 3, 4, 5])
    remember(cache, [1, 2, 3, 4, 5, 6])
    remember(cache, [1, 2, 3, 4, 5, 6, 7, 8])
    remember(cache, [1, 2, 3, 4, 5])
    assert len(cache.index) == 2
    assert cache.groups[0].pool.free == 6
    remember(cache, [1, 2, 3, 4, 3])
    remember(cache, [1, 2, 3, 4, 7])
    remember(cache, [1, 2, 3, 4, 7, 8])  # beside others too
    assert len(cache.index) == 4
    assert cache.groups[0].pool.free == 4


def test_the_least_recently_used_goes_first() -> None:
    cache = book(blocks=4, size=2)
    for text in ([1, 1, 1, 1], [2, 2], [3, 3]):
        remember(cache, text)
    lease = cache.open([2, 2, 9], 2, 3)  # uses 2 and needs one more block: the end of the oldest text goes
    assert lease is not None
    assert [found(cache, text) for text in ([1, 1, 1, 1], [2, 2], [3, 3])] == [2, 2, 2]
    cache.close(lease, [2, 2, 9], 3)
    remember(cache, [4, 4, 4, 4])
    assert [found(cache, text) for text in ([1, 1], [3, 3], [2, 2], [2, 2, 9], [4, 4, 4, 4])] == [0, 0, 2, 3, 4]


def test_an_end_that_two_sequences_share_is_as_recent_as_the_second_of_them() -> None:
    cache = book(blocks=5, size=4)
    same, other = [1, 2, 3], [7, 8, 9]
    leases = [cache.open(text, 0, 3) for text in (same, same, other)]
    for text, lease in ((same, leases[0]), (other, leases[2]), (same, leases[1])):
        assert lease is not None
        cache.close(lease, text, 3)
    cache.check_integrity([])
    assert len(cache.index) == 2
    remember(cache, [5] * 16)  # of five blocks four: one end must go, and it is not the one that was just used
    assert (found(cache, same), found(cache, other)) == (3, 0)


def test_a_copy_is_given_up_where_its_source_is_needed() -> None:
    cache = book(blocks=2, size=4)
    remember(cache, [1, 2, 3, 4, 5, 6])
    lease = cache.open([1, 2, 9, 9, 9], 4, 5)
    assert lease is not None
    assert (lease.copies, lease.cached) == ((), 0)


def test_what_a_copy_reads_is_held_until_the_step_has_run() -> None:
    cache = book(blocks=4, size=4)
    remember(cache, [1, 2, 3, 4, 5, 6])
    lease = cache.open([1, 2, 3, 4, 5, 9], 5, 6)
    assert lease is not None
    ((source, _),) = lease.copies
    pool = cache.groups[0].pool
    cache.check_integrity([lease])
    assert not pool.is_idle(source)
    for _ in range(2):
        cache.unpin()
        cache.check_integrity([lease])
        assert pool.is_idle(source)


def test_after_a_failed_step_every_block_is_free() -> None:
    cache = book(blocks=8, size=4)
    remember(cache, [1, 2, 3, 4, 5, 6])
    copying, other = cache.open([1, 2, 3, 4, 5, 9], 5, 6), cache.open([7] * 9, 0, 9)
    assert copying is not None and other is not None and copying.copies  # its source is kept for the step
    cache.discard([copying, other])
    cache.check_integrity([])
    pool = cache.groups[0].pool
    assert (pool.free, pool.idle, len(cache.index), found(cache, [1, 2, 3, 4])) == (8, 0, 0, 0)
    remember(cache, [1, 2, 3, 4, 5, 6])
    assert found(cache, [1, 2, 3, 4, 5]) == 5


def test_blocks_in_use_are_not_evicted() -> None:
    cache = book(blocks=2, size=2)
    lease = cache.open([1, 1, 1], 2, 3)
    assert lease is not None
    cache.record(lease, [1, 1, 1], 3)
    assert cache.open([2], 0, 1) is None
    cache.check_integrity([lease])


def test_positions_that_depend_on_the_request_are_not_shared() -> None:
    cache = book(shared_length=5)
    remember(cache, [1, 2, 3, 4, 5])
    assert found(cache, [1, 2, 3, 4, 5, 6]) == 5
    remember(cache, [7, 2, 3, 4, 5, 6])  # a longer prompt: every position of it depends on its length
    assert found(cache, [7, 2, 3]) == 0
    lease = cache.open([1, 2, 3, 4, 5, 6], 5, 6)
    assert lease is not None
    assert lease.cached == 0


@given(
    st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=14), min_size=1, max_size=20),
    st.integers(4, 12),
    st.sampled_from([1, 2, 4]),
)
def test_what_is_found_is_the_longest_held_beginning(texts: list[list[int]], blocks: int, size: int) -> None:
    cache = book(blocks, size)
    for text in texts:
        tokens = text[: blocks * size]
        held: set[tuple[int, ...]] = set()  # every beginning of every path in the tree
        for node in cache.index.nodes():
            path: tuple[int, ...] = ()
            at = node
            while at.parent is not None:
                path = at.key + path
                at = at.parent
            held.update(path[:n] for n in range(1, len(path) + 1))
        longest = max((n for n in range(1, len(tokens) + 1) if tuple(tokens[:n]) in held), default=0)
        assert found(cache, tokens) == longest
        remember(cache, tokens)
        assert found(cache, tokens) == len(tokens)
        for node in [cache.index.root, *cache.index.nodes()]:
            keys = sorted(node.children)
            assert node.keys == keys  # and none is the beginning of another
            assert not any(one == other[: len(one)] for one, other in pairwise(keys))
