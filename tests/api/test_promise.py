"""What is expected of answers, and what is learnt from them, on a record of a machine that is made up for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from causerie import AutoModelForCausalLM, builtin_model_path
from causerie.api.causal_lm import CausalLM
from causerie.api.machine import hardware, native_state, thread_count
from causerie.api.probing import kept_record
from causerie.api.promise import Promise
from causerie.cli.conversation.conversation import AnswerCost
from causerie.cli.conversation.expectation import expectation_rows
from causerie.plan.fit import fit
from causerie.plan.machine_record import Fingerprint, MachineRecord
from causerie.settings import Settings


@pytest.fixture(scope="module")
def model() -> CausalLM:
    return AutoModelForCausalLM.from_pretrained(builtin_model_path(), backend="native", speculation="off")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Those of a machine that was measured: 100 GB/s, and a tera of each arithmetic."""
    made = Settings(cache_folder=str(tmp_path))
    state = native_state(made)
    assert state.instruction_set is not None
    fingerprint = Fingerprint.of(hardware(), thread_count(None, made), state.instruction_set)
    peaks = dict.fromkeys(("float32", "bfloat16", "int8"), (1e12,))
    MachineRecord(fingerprint, "today", (50e9, 100e9, 200e9), peaks).save(tmp_path)
    return made


def test_nothing_is_promised_of_a_machine_that_was_not_measured(model: CausalLM, tmp_path: Path) -> None:
    assert Promise.of(model, Settings(cache_folder=str(tmp_path))) is None


def test_nor_of_other_threads_than_were_measured(model: CausalLM, settings: Settings) -> None:
    assert Promise.of(model, settings, threads=thread_count(None, settings) + 1) is None


def test_what_is_expected_is_what_fit_says(model: CausalLM, settings: Settings) -> None:
    promise, record = Promise.of(model, settings), kept_record(settings)
    assert promise is not None and record is not None
    expected = promise.expected(prompt_tokens=1000, cached_tokens=0, new_tokens=0)
    plan = fit(model.step_model.spec, [promise.form], record.computer(10**10, packs=True), depths=(1000,))
    assert expected.tokens_per_second == plan.precisions[0].decode[0][1]
    later = promise.expected(prompt_tokens=1000, cached_tokens=700, new_tokens=0)
    assert 0 < (later.first_token_seconds or 0) < (expected.first_token_seconds or 0)
    assert promise.expected(1000, 900, 0).first_token_seconds is None


def test_answers_teach_and_are_believed_in_part(model: CausalLM, settings: Settings) -> None:
    def promise() -> Promise:
        made = Promise.of(model, settings)
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


def test_memory_is_measured_beside_what_it_gave(model: CausalLM, settings: Settings) -> None:
    promise = Promise.of(model, settings)
    assert promise is not None
    bandwidth = promise.bandwidth()
    assert bandwidth is not None and (bandwidth.low, bandwidth.high) == (50e9, 200e9)
    assert 1e8 < bandwidth.now < 1e13


def test_measuring_again_forgets_what_was_learnt(settings: Settings) -> None:
    record = kept_record(settings)
    assert record is not None
    taught = record.taught("int4 decode", 1.5)
    assert taught.learnt and replace(taught, learnt={}) == record
    assert record.taught("int4 decode", 100.0).learnt == record.taught("int4 decode", 2.0).learnt


def test_what_was_expected_stands_beside_what_it_took(model: CausalLM, settings: Settings) -> None:
    promise = Promise.of(model, settings)
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
