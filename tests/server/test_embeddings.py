"""/v1/embeddings by the official client, beside answers, and everything it does not take."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from causerie import AutoModelForCausalLM
from tests.server.server_process import Server

TEXTS = ["What is a token?", "Grüße, 你好", "x"]


@pytest.fixture(scope="module")
def expected() -> Any:
    with AutoModelForCausalLM.from_pretrained("builtin") as model:
        return model.embed(TEXTS)


@pytest.fixture
def client(server: Server) -> openai.OpenAI:
    return server.openai_client(timeout=60)


def test_the_official_client(client: openai.OpenAI, expected: Any) -> None:
    answer = client.embeddings.create(model="builtin", input=TEXTS)  # asks for base64
    vectors = np.array([one.embedding for one in answer.data], np.float32)
    assert np.array_equal(vectors, expected)  # the same engine, whatever shares its steps
    assert [one.index for one in answer.data] == [0, 1, 2]
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 10
    one = client.embeddings.create(
        model="builtin", input=TEXTS[0], encoding_format="float", dimensions=expected.shape[1]
    )
    assert np.array_equal(np.array(one.data[0].embedding, np.float32), expected[0])


def test_tokens(server: Server, client: openai.OpenAI, expected: Any) -> None:
    rows = [server.post("/tokenize", {"model": "builtin", "prompt": text}).json()["tokens"] for text in TEXTS]
    answer = client.embeddings.create(model="builtin", input=rows)
    assert np.array_equal(np.array([one.embedding for one in answer.data], np.float32), expected)
    answer = client.embeddings.create(model="builtin", input=rows[1])
    assert np.array_equal(np.array(answer.data[0].embedding, np.float32), expected[1])


def test_beside_answers(server: Server, client: openai.OpenAI, expected: Any) -> None:
    alone = server.said("What is a token?", max_tokens=64)
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(server.said("What is a token?", max_tokens=64)))
    asking.start()
    answer = client.embeddings.create(model="builtin", input=TEXTS * 100)
    asking.join()
    assert answers == [alone]
    assert np.array_equal(np.array([one.embedding for one in answer.data[-3:]], np.float32), expected)


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"input": ""}, "input", "empty"),
        ({"input": []}, "input", "0 entries"),
        ({"input": ["Hi", ""]}, "input", "empty"),
        ({"input": ["Hi", 3]}, "input", "mixes"),
        ({"input": [[]]}, "input", "empty"),
        ({"input": ["x"] * 2049}, "input", "2049 entries"),
        ({"input": [-1]}, "input", "none can be"),
        ({"input": [5000]}, "input", "token 5000"),
        ({"input": "x " * 4000}, "input", "context"),
        ({"input": {"text": "x"}}, "input", "Expected"),
        ({"dimensions": 5}, "dimensions", "dimensions is 5"),
        ({"dimensions": 0}, "dimensions", "counts from 1"),
        ({"encoding_format": "int8"}, "encoding_format", "int8"),
        ({"pooling": "cls"}, "pooling", "Unknown field 'pooling'"),
    ],
)
def test_refusals(server: Server, fields: dict[str, Any], param: str, words: str) -> None:
    response = server.post("/v1/embeddings", {"model": "builtin", "input": "Hi", **fields})
    error = response.json()["error"]
    assert response.status_code == 400 and error["param"] == param and words in error["message"]


def test_a_client_that_leaves(server: Server) -> None:
    before = server.metric("read_tokens_total")
    text = "word " * 1000
    with pytest.raises(httpx.ReadTimeout):
        body = {"model": "builtin", "input": [text + str(place) for place in range(500)]}
        httpx.post(server.url + "/v1/embeddings", json=body, timeout=1.5)
    server.wait(lambda: server.metric("running") + server.metric("waiting") == 0)
    read = server.metric("read_tokens_total") - before
    assert read < 250_000  # of 500,000
    assert server.metric("free_blocks") <= server.metric("blocks")
