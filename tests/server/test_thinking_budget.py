"""A limit on reasoning, in Python and over HTTP: the built-in model's weights, two tokens of which are the markers of
reasoning here. The model never writes them itself, so each one that is seen was forced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from causerie import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from causerie.chat.parts import ReasoningPart
from causerie.cli.conversation.model_conversation import ModelConversation
from causerie.errors import Unsupported, UsageError
from tests.server.server_process import Server, folder_with, serving

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% if enable_thinking is not defined or enable_thinking %}<think>"
    "{% else %}<think></think>{% endif %}{% endif %}"
)
ASKED: Any = [{"role": "user", "content": "Tell me about rivers, please."}]
ABOUT: Any = [{"role": "user", "content": "What does <think> mean?"}]
GOES_ON = {2: -100.0}  # an answer does not end of itself
OFF = {"chat_template_kwargs": {"enable_thinking": False}}
JSON_ANSWER = {
    "type": "json_schema",
    "json_schema": {"name": "a", "schema": {"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"],
                                            "additionalProperties": False}},
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Path(folder_with(TEMPLATE, tmp_path_factory.mktemp("thinking") / "model"))
    text = (made / "tokenizer.json").read_text()
    tokenizer = json.loads(text.replace("<|pad|>", "</think>").replace("<|system|>", "<think>"))
    for token in tokenizer["added_tokens"]:
        token["special"] = token["special"] and "think" not in token["content"]
    (made / "tokenizer.json").write_text(json.dumps(tokenizer))
    for name in ("tokenizer_config.json", "generation_config.json", "config.json"):  # the closing token pads no longer
        config = json.loads((made / name).read_text())
        pad = {"pad_token": "<|end|>"} if name.startswith("tokenizer") else {"pad_token_id": config["eos_token_id"]}
        (made / name).write_text(json.dumps({**config, **pad}))
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(folder.parent, str(folder)) as started:
        yield started


def test_the_closing_token_comes_when_the_budget_is_spent(folder: Path) -> None:
    """In a batch of prompts that open reasoning and one that does not; with a response format after it."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    close = tokenizer.convert_tokens_to_ids("</think>")
    prompts = [
        tokenizer.apply_chat_template(ASKED, add_generation_prompt=True, enable_thinking=thinks)["input_ids"]
        for thinks in (True, False, True)
    ]
    prompts[2] += tokenizer("Well, there", add_special_tokens=False)["input_ids"]
    with AutoModelForCausalLM.from_pretrained(folder) as model:
        free = model.generate(prompts, max_new_tokens=12, logit_bias=GOES_ON)
        limited = model.generate(prompts, max_new_tokens=12, logit_bias=GOES_ON, thinking_budget=5)
        formed = model.generate(
            prompts, max_new_tokens=40, logit_bias=GOES_ON, thinking_budget=3, response_format=JSON_ANSWER
        )
    for index, prompt in enumerate(prompts):
        before, after, form = (list(rows[index][len(prompt) :]) for rows in (free, limited, formed))
        if index == 1:
            assert before == after and close not in after
            told = form
        else:
            assert close not in before and after[:5] == before[:5] and after.index(close) == 5
            assert form[:3] == before[:3] and form.index(close) == 3
            told = form[4:]
        assert json.loads(tokenizer.decode(told, skip_special_tokens=True)) in ({"n": 1}, {"n": 2})


def test_over_http(server: Server, folder: Path) -> None:
    body = {"model": str(folder), "messages": ASKED, "max_tokens": 30, "temperature": 0, "logit_bias": {"2": -100}}

    def ask(**more: Any) -> dict[str, Any]:
        response = server.post("/v1/chat/completions", {**body, **more})
        assert response.status_code == 200, response.text
        message, usage = response.json()["choices"][0]["message"], response.json()["usage"]
        return {**message, "thought": usage["completion_tokens_details"]["reasoning_tokens"]}

    free = ask()
    assert free["content"] == "" and len(free["reasoning_content"]) > 40
    limited = ask(thinking_budget=5)
    assert free["thought"] == 30
    assert free["reasoning_content"].startswith(limited["reasoning_content"])
    assert limited["content"] and limited["thought"] == 5
    (model,) = server.get("/v1/models").json()["data"]
    assert model["thinks_by_default"] is True
    none = ask(thinking_budget=0)
    assert not none.get("reasoning_content") and none["thought"] == 0
    formed = ask(thinking_budget=4, response_format=JSON_ANSWER)
    assert json.loads(formed["content"]) in ({"n": 1}, {"n": 2}) and formed["reasoning_content"]
    assert ask(thinking_budget=5, **OFF) == ask(**OFF)
    for wrong in (-1, "5", 1.5, True):
        refused = server.post("/v1/chat/completions", {**body, "thinking_budget": wrong})
        assert refused.status_code == 400 and "thinking_budget" in refused.text


def test_a_question_about_the_marker_opens_nothing(server: Server, folder: Path) -> None:
    body = {"model": str(folder), "messages": ABOUT, "max_tokens": 12, "temperature": 0, **OFF}
    message = server.post("/v1/chat/completions", body).json()["choices"][0]["message"]
    assert message["content"] and not message.get("reasoning_content")
    formed = server.post("/v1/chat/completions", {**body, "response_format": JSON_ANSWER}).json()
    assert json.loads(formed["choices"][0]["message"]["content"]) in ({"n": 1}, {"n": 2})


def test_anthropics_budget_tokens(server: Server, folder: Path) -> None:
    client = server.anthropic_client()
    answer = client.messages.create(
        model=str(folder),
        max_tokens=30,
        messages=ASKED,
        extra_body={"temperature": 0},
        thinking={"type": "enabled", "budget_tokens": 2},
    )
    assert [block.type for block in answer.content] == ["thinking", "text"]
    with pytest.raises(anthropic.BadRequestError, match=r"thinking\.budget_tokens"):
        client.messages.create(
            model=str(folder), max_tokens=9, messages=ASKED, thinking={"type": "enabled", "budget_tokens": -4}
        )


def test_in_a_chat(folder: Path) -> None:
    with AutoModelForCausalLM.from_pretrained(folder) as model:
        chat = ModelConversation(model, model.tokenizer.chat, GenerationConfig())
        chat.think(True, 2)
        first = list(chat.reply("Tell me about rivers, please."))
        chat.think(False)
        chat.clear()
        second = list(chat.reply("Tell me about rivers, please."))
    assert [type(part) for part in first] == [ReasoningPart, ReasoningPart, str]
    assert {type(part) for part in second} == {str}


def test_a_budget_that_cannot_be_kept(folder: Path) -> None:
    """The built-in model's own vocabulary has no token that ends a reasoning."""
    with AutoModelForCausalLM.from_pretrained("builtin") as model:
        prompt = model.tokenizer.apply_chat_template(ASKED, add_generation_prompt=True)["input_ids"]
        assert len(model.generate([prompt], thinking_budget=1, max_new_tokens=5)[0]) == len(prompt) + 5  # it has none
        with pytest.raises(UsageError, match="thinking_budget is -1"):
            model.generate([prompt], thinking_budget=-1)
        model.tokenizer.chat_template = TEMPLATE
        with pytest.raises(Unsupported, match="thinking_budget cannot be kept"):
            model.generate([prompt], thinking_budget=1)


def test_the_time_of_reasoning_is_told_apart(server: Server, folder: Path) -> None:
    body = {"model": str(folder), "messages": ASKED, "max_tokens": 30, "temperature": 0, "logit_bias": {"2": -100}}

    def timings(**more: Any) -> dict[str, Any]:
        answer = server.post("/v1/chat/completions", {**body, "return_timings": True, **more}).json()
        told: dict[str, Any] = answer["choices"][0]["timings"]
        return told

    half = timings(thinking_budget=15)
    assert half["reasoning_n"] == 15 and 0 < half["reasoning_ms"] < half["predicted_ms"]
    assert timings(**OFF)["reasoning_ms"] == 0
    (model,) = server.get("/v1/models").json()["data"]
    assert model["thinking_budget"] is True
