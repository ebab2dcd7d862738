"""What is expected of answers, and what is learnt from them, on a record of a machine that is made up for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from causerie import AutoModelForCausalLM, builtin_model_path
from causerie.api.causal_lm import CausalLM
from causerie.api.machine.abilities import thread_count
from causerie.api.machine.measurements import kept_record
from causerie.api.measurement.answer_cost import AnswerCost
from causerie.api.measurement.promise import Promise
from causerie.cli.conversation.expectation import expectation_rows
from causerie.plan.fit import fit
from causerie.settings import Settings


@pytest.fixture(scope="module")
def model() -> CausalLM:
    return AutoModelForCausalLM.from_pretrained(builtin_model_path(), backend="native", speculation="off")


def test_nothing_is_promised_of_a_machine_that_was_not_measured(model: CausalLM, tmp_path: Path) -> None:
    assert Promise.of(model, Settings(cache_folder=str(tmp_path))) is None


def test_nor_of_other_threads_than_were_measured(model: CausalLM, measured: Settings) -> None:
    assert Promise.of(model, measured, threads=thread_count(None, measured) + 1) is None


def test_what_is_expected_is_what_fit_says(model: CausalLM, measured: Settings) -> None:
    promise, record = Promise.of(model, measured), kept_record(measured)
    assert promise is not None and record is not None
    expected = promise.expected(prompt_tokens=1000, cached_tokens=0, new_tokens=0)
    plan = fit(model.step_model.spec, [promise.form], record.computer(10**10, packs=True), depths=(1000,))
    assert expected.tokens_per_second == plan.precisions[0].decode[0][1]
    later = promise.expected(prompt_tokens=1000, cached_tokens=700, new_tokens=0)
    assert 0 < (later.first_token_seconds or 0) < (expected.first_token_seconds or 0)
    assert promise.expected(1000, 900, 0).first_token_seconds is None


def test_answers_teach_and_are_believed_in_part(model: CausalLM, measured: Settings) -> None:
    def promise() -> Promise:
        made = Promise.of(model, measured)
        assert made is not None
        return made

    first = promise().expected(1000, 0, 50)
    usual = first.tokens_per_second.usual
    promise().learn(first, speed=usual / 1.5, new_tokens=50, first_seconds=0.0)
    second = promise().expected(1000, 0, 50)
    assert usual / 1.5 < second.tokens_per_second.usual < usual
    assert second.first_token_seconds == first.first_token_seconds
    for _ in range(40):  # the same again and again is believed in the end
        promise().learn(promise().expected(1000, 0, 50), speed=usual / 1.5, new_tokens=50, first_seconds=0.0)
    assert promise().expected(1000, 0, 50).tokens_per_second.usual == pytest.approx(usual / 1.5, rel=0.01)
    before = promise().expected(1000, 0, 50)
    short = replace(before, first_token_seconds=None)
    promise().learn(short, speed=usual, new_tokens=3, first_seconds=1.0)  # too short to mean anything
    assert promise().expected(1000, 0, 50) == before
    promise().learn(before, speed=None, new_tokens=0, first_seconds=1.0)
    assert (promise().expected(1000, 0, 50).first_token_seconds or 0) > (before.first_token_seconds or 0)


def test_memory_is_measured_beside_what_it_gave(model: CausalLM, measured: Settings) -> None:
    promise = Promise.of(model, measured)
    assert promise is not None
    bandwidth = promise.bandwidth()
    assert bandwidth is not None and (bandwidth.low, bandwidth.high) == (50e9, 200e9)
    assert 1e8 < bandwidth.now < 1e13


def test_measuring_again_forgets_what_was_learnt(measured: Settings) -> None:
    record = kept_record(measured)
    assert record is not None
    taught = record.taught("int4 decode", 1.5)
    assert taught.learnt and replace(taught, learnt={}) == record
    assert record.taught("int4 decode", 100.0).learnt == record.taught("int4 decode", 2.0).learnt


def test_what_was_expected_stands_beside_what_it_took(model: CausalLM, measured: Settings) -> None:
    promise = Promise.of(model, measured)
    assert promise is not None
    expected = promise.expected(1000, 0, 11)
    usual, first = expected.tokens_per_second.usual, expected.first_token_seconds or 0.0
    cost = AnswerCost(1000, 0, 11, 2 * first, 2 * first + 10 / usual)
    rows = expectation_rows(cost, expected)
    assert rows[0][0] == "expected" and rows[0][1].endswith("as memory gives): as it was")
    assert rows[1][1].endswith("to the first token: it was 50 % slower")
    twice = expectation_rows(
        replace(cost, total_seconds=cost.first_token_seconds + 4 / usual, drafted_tokens=4), expected
    )
    assert twice[0][1].endswith("without guessed tokens: it was 2.5 times as fast")
    slow = expectation_rows(replace(cost, total_seconds=cost.first_token_seconds + 100 / usual), expected)
    assert slow[1][1] == "the machine is not as it was measured; causerie info --probe measures again"
    assert len(rows) == len(twice) == len(slow) - 1
