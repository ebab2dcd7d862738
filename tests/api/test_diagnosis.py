"""What is said of an answer's time: each sentence by the numbers that call for it, and by those that just do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from causerie.api.machine.surroundings import Surroundings
from causerie.api.measurement.answer_cost import AnswerCost
from causerie.api.measurement.diagnosis import diagnosis
from causerie.api.measurement.evidence import Evidence
from causerie.api.measurement.promise import Bandwidth, Expected
from causerie.api.measurement.token_reading import TokenReading
from causerie.chat.prompt_change import PromptChange
from causerie.plan.computer import Span

# 1 s of reading 1,000 tokens, 2 s of writing 101 at 50 a second.
COST = AnswerCost(1000, 0, 101, 1.0, 3.0, waiting_seconds=0.0)
READING = TokenReading(300e6, "int8", (), 10e6, "bfloat16", 5e6)
CALM = Evidence(
    expected=Expected(Span(45.0, 50.0, 55.0), 1.0),
    bandwidth=Bandwidth(50e9, 50e9, 90e9),
    reading=READING,
    surroundings=Surroundings(2, 0.19, 2**20 - 1),
    change=PromptChange(0, 0, None),
)
FINE = "Nothing stands out: it was as fast as this machine allows with the model as it is held."


def sentences(cost: AnswerCost, evidence: Evidence | None) -> tuple[str, ...]:
    return diagnosis(cost, evidence).sentences


def test_where_nothing_is_wrong_that_is_said() -> None:
    assert sentences(COST, CALM) == (FINE,)


def test_shares_are_of_the_whole_and_the_largest_is_first() -> None:
    cost = replace(COST, preparation_seconds=0.25, waiting_seconds=0.15, cached_tokens=300, total_seconds=2.0)
    shares = diagnosis(cost, CALM).shares
    assert [(each.name, round(each.seconds, 9), round(each.share, 9)) for each in shares] == [
        ("writing", 1.0, 0.5),
        ("reading the prompt", 0.6, 0.3),
        ("template and tokens", 0.25, 0.125),
        ("waiting", 0.15, 0.075),
    ]
    assert shares[0].detail == "101 tokens, 100.0 a second; 50.0 expected"
    assert shares[1].detail == "700 tokens anew, 300 from the cache; 1.000 s expected"
    slow_first = diagnosis(replace(COST, total_seconds=1.5), CALM).shares
    assert slow_first[0].name == "reading the prompt"


def test_guesses_stand_beside_what_was_written() -> None:
    cost = replace(COST, drafted_tokens=40, accepted_tokens=30, speedup=1.5)
    assert diagnosis(cost, CALM).shares[0].detail == (
        "101 tokens, 50.0 a second; 50.0 expected without guesses; 30 of 40 guesses right, about 1.50 × as fast as "
        "without"
    )


@pytest.mark.parametrize(
    ("cost", "evidence", "says"),
    [
        ({}, {"change": PromptChange(10, 800, "system prompt")}, "The system prompt is another one than before"),
        ({}, {"change": PromptChange(10, 800, "system prompt")}, "read again, 800 tokens in about 0.80 s."),
        ({}, {"change": PromptChange(10, 5000, "messages")}, "1,000 tokens in about 1.00 s."),
        ({}, {"change": PromptChange(10, 800, "variables")}, "is told something else than before (/think)"),
        ({}, {"change": PromptChange(10, 800, "template")}, "The chat template writes earlier messages otherwise"),
        ({}, {"change": PromptChange(900, 0, None)}, "900 tokens of the chat were read again, in about 0.90 s: the"),
        ({}, {"change": PromptChange(900, 0, None), "remembers_ends": True}, "only go on from the ends of messages"),
        ({"waiting_seconds": 0.2}, {}, "It waited 0.20 s for the engine"),
        ({"loading_seconds": 0.2}, {}, "The model had to be loaded first, which took 0.20 s."),
        ({"preparation_seconds": 0.2}, {}, "The chat template and its 1,000 tokens took 0.20 s"),
        ({"drafted_tokens": 9, "accepted_tokens": 1, "speedup": 0.9}, {}, "1 of 9 guesses were right, which lost"),
        ({}, {"neighbours": 1}, "Another answer was made at the same time"),
        ({}, {"neighbours": 3}, "3 other answers were made at the same time"),
        ({}, {"bandwidth": Bandwidth(40e9, 50e9, 90e9)}, "gives 40 GB/s now, and gave 50 to 90 when this machine"),
        ({}, {"bandwidth": Bandwidth(40e9, 50e9, 50e9)}, "and gave 50 when this machine"),
        ({}, {"surroundings": Surroundings(2, 0.5, 0)}, "Other programs kept 0.5 of 2 processors busy meanwhile"),
        ({}, {"surroundings": Surroundings(2, None, 2**20)}, "1 MB of this program's memory had to be fetched"),
    ],
)  # fmt: skip
def test_causes(cost: dict[str, float], evidence: dict[str, object], says: str) -> None:
    told = sentences(replace(COST, **cost), replace(CALM, **evidence))  # type: ignore[arg-type]
    assert len(told) == 1 and says in told[0], told


@pytest.mark.parametrize(
    ("cost", "evidence"),
    [
        ({"cached_tokens": 900}, {"change": PromptChange(910, 63, "system prompt")}),  # few tokens
        ({"total_seconds": 30.0}, {"change": PromptChange(10, 800, "template")}),  # a small share
        ({"cached_tokens": 840}, {"change": PromptChange(900, 0, None)}),  # the rest of a block
        ({"waiting_seconds": None}, {"change": PromptChange(900, 0, None)}),  # nobody told what the cache gave
        ({"waiting_seconds": 0.1}, {}),
        ({"preparation_seconds": 0.1}, {}),
        ({"drafted_tokens": 9, "speedup": 0.98}, {}),
        ({}, {"bandwidth": None, "surroundings": None, "change": None}),
        ({}, {"bandwidth": Bandwidth(44e9, 50e9, 90e9)}),
        ({}, {"surroundings": Surroundings(4, 0.39, 0)}),
    ],
)  # fmt: skip
def test_what_is_no_cause(cost: dict[str, float], evidence: dict[str, object]) -> None:
    calm = replace(CALM, expected=Expected(Span(1.0, 1.0, 1.0), 1.0))
    assert sentences(replace(COST, **cost), replace(calm, **evidence)) == (FINE,)  # type: ignore[arg-type]


def test_the_largest_cause_is_told_first() -> None:
    cost = replace(COST, waiting_seconds=0.4, preparation_seconds=0.2)
    told = sentences(cost, replace(CALM, surroundings=Surroundings(2, 2.0, 0)))
    assert [each.split()[0] for each in told] == ["It", "The", "Other"]


def test_what_nobody_can_explain_is_not_explained() -> None:
    slow = replace(CALM, expected=Expected(Span(60.0, 80.0, 90.0), 0.5))
    both = "Writing took 1.2 times as long as was expected, reading the prompt 2.0 times"
    assert sentences(COST, slow) == (f"{both}, and nothing that was measured says why.",)
    first = replace(CALM, expected=Expected(Span(40.0, 80.0, 90.0), 0.5))
    assert sentences(COST, first)[0].startswith("Reading the prompt took 2.0 times as long as was expected, and")
    assert "not measured with so many threads" in sentences(COST, replace(CALM, expected=None))[0]
    elsewhere = sentences(COST, replace(CALM, expected=None, reading=None))
    assert elsewhere == (
        "Nothing stands out. What is to be expected can be said of the native backend alone.",
    )  # fmt: skip
    short = replace(COST, new_tokens=2)
    unknown = replace(CALM, expected=Expected(Span(60.0, 80.0, 90.0), None))
    assert sentences(short, unknown) == ("Nothing stands out; it was too short to be set against what is expected.",)


def test_what_would_read_less_is_told_where_it_is_much() -> None:
    deep = replace(CALM, reading=TokenReading(300e6, "bfloat16", (("int4", 112.5e6),), 100e6, "bfloat16", 51e6))
    of_cache = "Each token reads 100.0 MB of the chat before it, 25% of all it reads, kept in bfloat16"
    assert sentences(COST, deep)[1:] == (
        f"{of_cache}; --cache-dtype int8 makes that 51.0 MB.",
        "Each token reads 300.0 MB of weights, held in bfloat16; --quantization int4 about 112.5 MB, less exact.",
    )
    assert deep.reading is not None
    shallow = replace(deep, reading=replace(deep.reading, cached=99e6, lighter=()))
    assert sentences(COST, shallow) == (FINE,)
    latents = replace(deep, reading=replace(deep.reading, cached_int8=None, weights=99e6))
    assert sentences(COST, latents) == (FINE,)
    assert len(sentences(replace(COST, first_token_seconds=2.2), deep)) == 1  # most of it was reading the prompt


def test_of_another_server_only_the_clock_tells() -> None:
    said = diagnosis(AnswerCost(12, 0, 5, 2.0, 3.0), None)
    assert [(each.name, each.detail) for each in said.shares] == [
        ("to the first token", "a prompt of 12 tokens"),
        ("writing", "5 tokens, 4.0 a second"),
    ]
    assert len(said.sentences) == 1 and said.sentences[0].startswith("What the server did in that time it does not say")
