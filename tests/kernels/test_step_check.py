"""What a step may not say: every index that a kernel would follow is checked, and what is wrong is told in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from causerie.backends.step import Step
from causerie.errors import EngineError
from causerie.models.model import Model
from tests.kernels.decoders import BLOCKS, SLOTS, Shape, build, grouped_step, make_step, random_weights


@pytest.fixture(scope="module")
def model() -> Model:
    spec = Shape(layers=1).decoder()
    return build(spec, random_weights(spec, "bfloat16"), max_tokens=64)


GOOD = make_step([([1, 2, 3], 0, [5]), ([4], 40, [6, 7])])


def changed(**parts: list[int]) -> Step:
    return replace(GOOD, **{name: np.array(part, np.int32) for name, part in parts.items()})


def with_tables(step: Step = GOOD, group: int = 0, **parts: Any) -> Step:
    """The step with these fields changed in the tables of a page group."""
    tables = list(step.tables)
    tables[group] = replace(tables[group], **{name: np.array(part, np.int32) for name, part in parts.items()})
    return replace(step, tables=tuple(tables))


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (changed(tokens=[1, 2, 203, 4]), "row 2 has token 203 and the vocabulary has 203"),
        (changed(tokens=[1, 2, 3, -1]), "row 3 has token -1"),
        (changed(positions=[0, -1, 2, 40]), "row 1 has position -1"),
        (changed(positions=[0, 1, 32, 40]), "row 2 is at position 32, beyond its sequence's block table"),
        (
            with_tables(blocks=[5, 6, BLOCKS]),
            f"entry 2 of the block tables of page group 0 names block {BLOCKS}, and it has {BLOCKS}",
        ),
        (with_tables(blocks=[-1, 6, 7]), "entry 0 of the block tables of page group 0 names block -1"),
        (with_tables(copies=[[0, BLOCKS]]), f"entry 1 of the copies of page group 0 names block {BLOCKS}, and it has"),
        (with_tables(copies=[[-1, 0]]), "entry 0 of the copies of page group 0 names block -1"),
        (changed(rows=[4]), "entry 0 of rows"),
        (changed(rows=[1, 1]), "entry 1 of rows"),
        (changed(state_rows=[2, 1]), "entry 5 of rows and state_rows is not an ascending row"),
        (changed(state_rows=[4]), "entry 4 of rows and state_rows"),
        (changed(starts=[0, 5, 4]), "do not fit together at sequence 0"),
        (changed(starts=[0, 3, 3]), "do not fit together at sequence 2"),
        (changed(starts=[1, 3, 4]), "do not fit together at sequence 0"),
        (with_tables(starts=[0, 1, 9]), "starts and blocks of page group 0 do not fit together at sequence 1"),
        (with_tables(starts=[1, 1, 3]), "starts and blocks of page group 0 do not fit together at sequence 0"),
        (with_tables(starts=[0, 1]), r"3 starts with \[2\] starts of block tables"),
        (replace(GOOD, tables=()), r"3 starts with \[\] starts of block tables; .* each of 1 page groups"),
        (replace(GOOD, slots=np.zeros((2, 2), np.int32)), r"2 sequences have slots of shape \(2, 2\); \(0, 2\) is"),
        (make_step([([1] * 65, 0, [0, 1, 2])]), "it has 65 tokens and the model was compiled for at most 64"),
    ],
)
def test_a_step_that_does_not_fit_is_an_error(model: Model, step: Step, says: str) -> None:
    with pytest.raises(EngineError, match=says):
        model.run(step)


def slotted(*slots: tuple[int, int]) -> Step:
    """Three sequences, the second without a row."""
    return grouped_step([([1], 0, [[0]]), ([], 0, [[]]), ([2, 3], 4, [[1]])], copies=[()], slots=slots)


@pytest.mark.parametrize(
    ("slots", "says"),
    [
        (
            [(-1, SLOTS), (0, 0), (1, 2)],
            rf"sequence 0 reads and writes slots \[-1, {SLOTS}\], and the cache has {SLOTS}",
        ),
        ([(-1, -1), (0, 0), (1, 2)], r"sequence 0 reads and writes slots \[-1, -1\], and the cache has"),
        ([(-1, 0), (0, 0), (SLOTS, 2)], "sequence 2 reads and writes slots"),
        ([(-2, 0), (0, 0), (1, 2)], "sequence 0 reads and writes slots"),
        ([(-1, 2), (0, 0), (1, 2)], r"sequence 2 .* \[1, 2\], and another sequence writes one of these"),
        ([(-1, 1), (0, 0), (1, 2)], r"sequence 2 .* \[1, 2\], and another sequence writes one of these"),
        ([(2, 1), (0, 0), (2, 2)], r"sequence 0 .* \[2, 1\], and another sequence writes one of these"),
        ([(-1, 1), (1, 2)], r"3 sequences have slots of shape \(2, 2\); \(3, 2\) is needed where a cache has"),
    ],
)
def test_slots_that_do_not_fit_are_an_error(slots: list[tuple[int, int]], says: str) -> None:
    spec = Shape(taps=3).decoder()
    model = build(spec, random_weights(spec))
    with pytest.raises(EngineError, match=says):
        model.run(slotted(*slots))
    # One slot is read by two and written by none, or read and written by one; what has no row says nothing.
    for fine in ([(-1, 0), (99, -5), (1, 1)], [(3, 0), (0, 0), (3, 1)]):
        assert np.isfinite(model.run(slotted(*fine)).logits).all()


@pytest.mark.parametrize(
    ("first", "group", "entry", "runs"),
    [(52, 1, 0, True), (51, 1, 0, True), (50, 1, 0, False), (52, 1, 1, False), (52, 0, 0, False)],
)
def test_only_blocks_that_a_window_hides_may_be_absent(first: int, group: int, entry: int, runs: bool) -> None:
    spec = Shape(windows=(None, 20)).decoder()
    model = build(spec, random_weights(spec), cache="bfloat16")
    step = grouped_step([([1, 2], first, [[5, 6], [7, 8]]), ([3], 0, [[0], [0]])], copies=[(), ()])
    expected = model.run(step).logits
    blocks = step.tables[group].blocks.copy()
    blocks[entry] = -1
    if runs:
        np.testing.assert_array_equal(model.run(with_tables(step, group, blocks=blocks)).logits, expected)
    else:
        said = f"entry {entry} of the block tables of page group {group} names block -1, and it has"
        with pytest.raises(EngineError, match=said):
            model.run(with_tables(step, group, blocks=blocks))


def test_the_earliest_row_says_what_a_window_hides_in_any_order_of_rows() -> None:
    spec = Shape(windows=(None, 20)).decoder()
    model = build(spec, random_weights(spec))
    step = grouped_step([([1, 2], 52, [[5, 6], [7, 8]])], copies=[(), ()])
    step = with_tables(step, 1, blocks=[-1, 8])
    assert np.isfinite(model.run(step).logits).all()
    for positions in ([52, 40], [40, 52]):
        with pytest.raises(EngineError, match="entry 0 of the block tables of page group 1 names block -1"):
            model.run(replace(step, positions=np.array(positions, np.int32)))


def test_each_page_group_has_blocks_of_its_own() -> None:
    spec = Shape(windows=(None, 20)).decoder()
    model = build(spec, random_weights(spec))
    step = grouped_step([([1], 0, [[BLOCKS - 1], [BLOCKS]])], copies=[(), [(0, BLOCKS)]])
    assert np.isfinite(model.run(step).logits).all()
    for wrong, says in (
        (
            with_tables(step, 0, blocks=[BLOCKS]),
            f"block tables of page group 0 names block {BLOCKS}, and it has {BLOCKS}",
        ),
        (with_tables(step, 1, blocks=[BLOCKS + 1]), f"page group 1 names block {BLOCKS + 1}, and it has {BLOCKS + 1}"),
        (with_tables(step, 0, copies=[[0, BLOCKS]]), "entry 1 of the copies of page group 0"),
        (with_tables(step, 1, copies=[[BLOCKS + 1, 0]]), "entry 0 of the copies of page group 1"),
        (with_tables(step, 1, starts=[0, 2]), "starts and blocks of page group 1 do not fit together at sequence 0"),
    ):
        with pytest.raises(EngineError, match=says):
            model.run(wrong)


def test_a_sequence_without_rows_may_have_no_block_in_a_window() -> None:
    spec = Shape(windows=(None, 20)).decoder()
    model = build(spec, random_weights(spec))
    step = grouped_step([([1], 0, [[5], [7]]), ([], 0, [[3, 4], [-1, -1]])], copies=[(), ()])
    assert np.isfinite(model.run(step).logits).all()
    with pytest.raises(EngineError, match="entry 1 of the block tables of page group 0 names block -1"):
        model.run(with_tables(step, 0, blocks=[5, -1, 4]))


def test_rows_that_are_wanted_twice_do_not_overflow(model: Model) -> None:
    step = make_step([([1] * 40, 0, [0, 1])])
    with pytest.raises(EngineError, match=r"it wants something of 80 rows, .* compiled for at most 64"):
        model.run(replace(step, state_rows=step.rows))


def test_wrong_rotations(model: Model) -> None:
    with pytest.raises(EngineError, match=r"rotations of shapes \[\] were given, \[\(4, 2, 10\)\] are needed"):
        model.executable.run(GOOD, ())
