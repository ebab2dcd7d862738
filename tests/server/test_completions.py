"""`/v1/completions` with the official client, compared with generate() on the same model."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from causerie import AutoModelForCausalLM, AutoTokenizer
from tests.server.server_process import Server

PROMPT = "<|begin|><|user|>What is a token?<|end|><|assistant|>"


@pytest.fixture(scope="module")
def client(server: Server) -> openai.OpenAI:
    return server.openai_client()


@pytest.fixture(scope="module")
def expected() -> str:
    tokenizer = AutoTokenizer.from_pretrained("builtin")
    with AutoModelForCausalLM.from_pretrained("builtin") as model:
        ids = tokenizer(PROMPT)["input_ids"]
        answer = model.generate([ids], max_new_tokens=12, do_sample=False)[0][len(ids) :]
    text: str = tokenizer.decode(answer, skip_special_tokens=True)
    return text


def test_a_text_goes_on_as_generate_does(client: openai.OpenAI, expected: str) -> None:
    answer = client.completions.create(model="builtin", prompt=PROMPT, temperature=0, max_tokens=12)
    assert answer.choices[0].text == expected
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 12
    assert client.completions.create(model="builtin", prompt="Hello").usage.completion_tokens <= 16  # type: ignore[union-attr]


def test_texts_tokens_and_lists_of_both(client: openai.OpenAI, expected: str) -> None:
    ids = AutoTokenizer.from_pretrained("builtin")(PROMPT)["input_ids"]
    for prompt in (ids, [PROMPT, PROMPT], [ids, ids, ids]):
        answer = client.completions.create(model="builtin", prompt=prompt, temperature=0, max_tokens=12)
        several = isinstance(prompt[0], str | list)
        assert [one.text for one in answer.choices] == [expected] * (len(prompt) if several else 1)
        assert [one.index for one in answer.choices] == list(range(len(answer.choices)))


def test_echo_choices_and_streams(client: openai.OpenAI, expected: str) -> None:
    answer = client.completions.create(
        model="builtin", prompt=[PROMPT, "Hi"], n=2, temperature=0, max_tokens=12, echo=True
    )
    assert [one.text for one in answer.choices][:2] == [PROMPT + expected] * 2
    stream = client.completions.create(
        model="builtin",
        prompt=[PROMPT, PROMPT],
        temperature=0,
        max_tokens=12,
        stream=True,
        stream_options={"include_usage": True},
    )
    texts = {0: "", 1: ""}
    last = None
    for last in stream:
        for choice in last.choices:
            texts[choice.index] += choice.text
    assert texts == {0: expected, 1: expected}
    assert last is not None
    assert last.usage is not None
    assert last.usage.completion_tokens == 24


def test_logprobs_have_offsets(client: openai.OpenAI, expected: str) -> None:
    answer = client.completions.create(model="builtin", prompt=PROMPT, temperature=0, max_tokens=12, logprobs=2)
    told = answer.choices[0].logprobs
    assert told is not None
    assert "".join(told.tokens or []) == expected
    assert all(
        expected[at:].startswith(text) for at, text in zip(told.text_offset or [], told.tokens or [], strict=True)
    )
    assert all(len(top) == 2 for top in told.top_logprobs or [])


def test_text_offsets_of_a_stream_go_on(client: openai.OpenAI) -> None:
    """They began at 0 in each chunk."""
    asked: Any = {"model": "builtin", "prompt": PROMPT, "n": 2, "seed": 4, "max_tokens": 12, "logprobs": 0}
    whole = client.completions.create(**asked)
    offsets: list[list[int]] = [[], []]
    for chunk in client.completions.create(**asked, stream=True):
        for choice in chunk.choices:
            offsets[choice.index] += (choice.logprobs and choice.logprobs.text_offset) or []
    for choice in whole.choices:
        assert choice.logprobs is not None and choice.logprobs.text_offset is not None
        assert offsets[choice.index] == choice.logprobs.text_offset
        assert len(set(offsets[choice.index])) == 12


@pytest.mark.parametrize("logprobs", [0, 1])
def test_top_logprobs_hold_the_drawn_token(client: openai.OpenAI, logprobs: int) -> None:
    """OpenAI's reference: there may be up to logprobs + 1 of them."""
    answer = client.completions.create(
        model="builtin", prompt="Hello, my name is", temperature=2, seed=3, max_tokens=30, logprobs=logprobs
    )
    told = answer.choices[0].logprobs
    assert told is not None and told.tokens and told.top_logprobs and told.token_logprobs
    for token, top, logprob in zip(told.tokens, told.top_logprobs, told.token_logprobs, strict=True):
        assert top[token] == logprob and len(top) <= logprobs + 1
    assert any(len(top) == logprobs + 1 for top in told.top_logprobs)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": []}, "prompt"),
        ({"prompt": [[]]}, None),
        ({"prompt": [1, "x"]}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": [10**9]}, None),
        ({"suffix": "x"}, "suffix"),
        ({"best_of": 3}, "best_of"),
        ({"logprobs": 99}, "logprobs"),
        ({"messages": []}, "messages"),
        ({"max_tokens": -1}, "max_tokens"),
    ],
)
def test_what_cannot_be_is_refused_by_name(server: Server, fields: dict[str, object], param: str | None) -> None:
    response = server.post("/v1/completions", {"model": "builtin", "prompt": "Hello", **fields})
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error["message"]
    assert param is None or error["param"] == param


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("prompt", [[-1], [[5, 1 << 31]], [1 << 70]])
def test_token_ids_that_none_can_be(server: Server, prompt: list[object], echo: bool) -> None:
    response = server.post("/v1/completions", {"model": "builtin", "prompt": prompt, "echo": echo})
    assert response.status_code == 400 and response.json()["error"]["param"] in ("prompt", "prompt[0]"), response.text


def test_repetition_detection_ends_a_stuck_text(server: Server) -> None:
    body = {"model": "builtin", "prompt": "A", "logit_bias": {"70": 100}, "max_tokens": 700, "temperature": 0}
    (going,) = server.post("/v1/completions", body).json()["choices"]
    (ended,) = server.post("/v1/completions", body | {"repetition_detection": True}).json()["choices"]
    assert (going["finish_reason"], len(going["text"])) == ("length", 700) and "stop_reason" not in going
    assert (ended["finish_reason"], ended["stop_reason"], len(ended["text"])) == ("stop", "repetition_detected", 576)


def test_bad_words_do_not_come(server: Server, expected: str) -> None:
    """What came without them would begin with this word."""
    body = {"model": "builtin", "prompt": PROMPT, "temperature": 0, "max_tokens": 12}
    word = expected.split()[0]
    (choice,) = server.post("/v1/completions", body | {"bad_words": [word.upper()]}).json()["choices"]
    assert word.casefold() not in choice["text"].casefold() and choice["text"]
    refused = server.post("/v1/completions", body | {"bad_words": [""]})
    assert refused.status_code == 400 and "bad_words is ['']" in refused.json()["error"]["message"]
