"""Chats become tokens in a process that can be killed: a template that never ends costs its own request alone."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from causerie import AutoTokenizer
from causerie.errors import CauserieError, MessageError, TemplateError
from causerie.server.orders import Chat, Text, Tokens
from causerie.server.text_work import TextWork
from tests.server.server_process import folder_with

HELLO = Chat([{"role": "user", "content": "Hello!"}])
LOOP = "{% for a in range(99999) %}"
ENDLESS = LOOP * 3 + "{% endfor %}" * 3


def test_the_tokens_are_those_of_the_tokenizer() -> None:
    async def ask() -> None:
        prompts = TextWork()
        tokenizer = AutoTokenizer.from_pretrained("builtin")
        tokens, tail = await prompts.tokens("builtin", HELLO)
        assert tokens == tokenizer.apply_chat_template(HELLO.messages, add_generation_prompt=True, return_dict=False)
        assert tail.endswith("<|assistant|>")
        assert (await prompts.tokens("builtin", Text("Hi")))[0] == tokenizer("Hi")["input_ids"]
        assert (await prompts.tokens("builtin", Tokens(tokens), whole_text=True))[1] == tokenizer.decode(tokens)
        with pytest.raises(MessageError, match="robot"):
            await prompts.tokens("builtin", Chat([{"role": "robot", "content": "x"}]))
        await prompts.close()

    asyncio.run(ask())


def test_a_template_sees_nothing_of_pins(tmp_path: Path) -> None:
    async def ask() -> None:
        prompts = TextWork()
        folder = folder_with("{% for message in messages %}{{ message | tojson }}{% endfor %}", tmp_path / "model")
        pinned = Chat([{**HELLO.messages[0], "pinned": True}])
        assert (await prompts.tokens(folder, pinned)) == (await prompts.tokens(folder, HELLO))
        await prompts.close()

    asyncio.run(ask())


def test_a_template_without_end_is_stopped(tmp_path: Path) -> None:
    async def ask() -> None:
        prompts = TextWork({"template": 1.0})
        endless = folder_with("{% if messages[0].content == 'loop' %}" + ENDLESS + "{% endif %}Hi", tmp_path / "model")
        assert (await prompts.tokens(endless, HELLO))[0]
        begun = time.monotonic()
        with pytest.raises(TemplateError, match="did not finish"):
            await prompts.tokens(endless, Chat([{"role": "user", "content": "loop"}]))
        assert time.monotonic() - begun < 10
        assert (await prompts.tokens("builtin", HELLO))[0]
        await prompts.close()

    asyncio.run(ask())


def test_a_template_that_wants_all_memory_fails(tmp_path: Path) -> None:
    async def ask() -> None:
        prompts = TextWork()
        greedy = folder_with("{% set x = 'a' * 10 ** 10 %}{{ x }}", tmp_path / "model")
        with pytest.raises(CauserieError):
            await prompts.tokens(greedy, HELLO)
        assert (await prompts.tokens("builtin", HELLO))[0]
        await prompts.close()

    asyncio.run(ask())


def test_a_cancelled_question_leaves_nothing_for_the_next() -> None:
    async def ask() -> None:
        prompts = TextWork()
        first = asyncio.create_task(prompts.tokens("builtin", Text("one two three")))
        await asyncio.sleep(0.05)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        tokens, _ = await prompts.tokens("builtin", Text("Hi"))
        assert tokens == AutoTokenizer.from_pretrained("builtin")("Hi")["input_ids"]
        await prompts.close()

    asyncio.run(ask())
