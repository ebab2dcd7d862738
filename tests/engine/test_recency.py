"""In which order nodes are evicted: the one whose use is longest ago first, each by its newest place alone."""

from __future__ import annotations

from random import Random

import pytest

from causerie.cache.node import Node
from causerie.cache.recency import Recency

root = Node(None, (), [-1])


@pytest.mark.parametrize("seed", range(20))
def test_the_node_comes_out_whose_use_is_longest_ago(seed: int) -> None:
    """Of those used at one time the one that was offered first. Entries that do not count pile up and are tidied up."""
    draw = Random(seed)
    nodes = [Node(root, (number,), [0]) for number in range(4)]
    recency = Recency(0)
    expected: dict[int, tuple[int, int]] = {}  # of a node that was offered: when it was used, the number of the offer
    for serial in range(600):
        if draw.random() < 0.95:
            number, used = draw.randrange(4), draw.randrange(10)
            recency.offer(nodes[number], used, 4)
            expected[number] = used, serial
        else:
            first = min(expected, key=lambda each: expected[each], default=None)
            assert recency.pop() is (None if first is None else nodes[first])
            expected.pop(first or 0, None)


def test_a_node_that_is_used_again_and_again_leaves_few_entries() -> None:
    recency = Recency(0)
    often, once = Node(root, (0,), [0]), Node(root, (1,), [0])
    recency.offer(once, 0, 2)
    for used in range(1, 10_000):
        recency.offer(often, used, 2)
        assert len(recency._heap) < 100
    assert [recency.pop(), recency.pop(), recency.pop()] == [once, often, None]


def test_a_node_that_was_removed_does_not_come_out() -> None:
    recency = Recency(0)
    removed, other = Node(root, (0,), [0]), Node(root, (1,), [0])
    recency.offer(removed, 0, 2)
    recency.offer(other, 1, 2)
    removed.parent = None
    assert [recency.pop(), recency.pop()] == [other, None]


def test_each_page_group_has_an_order_of_its_own() -> None:
    """A node has a place in each, and a newer one in one of them says nothing of the other."""
    groups = Recency(0), Recency(1)
    first, second = Node(root, (0,), [0, 0]), Node(root, (1,), [0, 0])
    for recency in groups:
        recency.offer(first, 1, 2)
        recency.offer(second, 2, 2)
    groups[1].offer(first, 3, 2)
    assert [groups[0].pop(), groups[0].pop()] == [first, second]
    assert [groups[1].pop(), groups[1].pop()] == [second, first]
