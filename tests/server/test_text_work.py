"""Prompts are made and grammars tried in processes that can be killed: what never ends costs its own request alone."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from llguidance import LLMatcher

from causerie import AutoTokenizer
from causerie.errors import CauserieError, ContextLengthError, MessageError, TemplateError, UsageError
from causerie.server.processes.jobs import Chat, Prompt, Text, Tokens
from causerie.server.processes.text.text_work import TextWork
from tests.server.server_process import folder_with

HELLO = Chat([{"role": "user", "content": "Hello!"}])
LOOP = "{% for a in range(99999) %}"
ENDLESS = LOOP * 3 + "{% endfor %}" * 3


def test_the_tokens_are_those_of_the_tokenizer() -> None:
    async def ask() -> None:
        work = TextWork()
        tokenizer = AutoTokenizer.from_pretrained("builtin")
        tokens, tail = await work.tokens("builtin", HELLO)
        assert tokens == tokenizer.apply_chat_template(HELLO.messages, add_generation_prompt=True, return_dict=False)
        assert tail.endswith("<|assistant|>")
        assert (await work.tokens("builtin", Text("Hi")))[0] == tokenizer("Hi")["input_ids"]
        assert (await work.tokens("builtin", Tokens(tokens), whole_text=True))[1] == tokenizer.decode(tokens)
        with pytest.raises(MessageError, match="robot"):
            await work.tokens("builtin", Chat([{"role": "robot", "content": "x"}]))
        await work.close()

    asyncio.run(ask())


def test_a_template_sees_nothing_of_pins(tmp_path: Path) -> None:
    async def ask() -> None:
        work = TextWork()
        folder = folder_with("{% for message in messages %}{{ message | tojson }}{% endfor %}", tmp_path / "model")
        pinned = Chat([{**HELLO.messages[0], "pinned": True}])
        assert (await work.tokens(folder, pinned)) == (await work.tokens(folder, HELLO))
        await work.close()

    asyncio.run(ask())


def test_a_template_without_end_is_stopped(tmp_path: Path) -> None:
    async def ask() -> None:
        work = TextWork({"template": 1.0})
        endless = folder_with("{% if messages[0].content == 'loop' %}" + ENDLESS + "{% endif %}Hi", tmp_path / "model")
        assert (await work.tokens(endless, HELLO))[0]
        begun = time.monotonic()
        with pytest.raises(TemplateError, match="did not finish"):
            await work.tokens(endless, Chat([{"role": "user", "content": "loop"}]))
        assert time.monotonic() - begun < 10
        assert (await work.tokens("builtin", HELLO))[0]
        await work.close()

    asyncio.run(ask())


def test_a_template_that_wants_all_memory_fails(tmp_path: Path) -> None:
    async def ask() -> None:
        work = TextWork()
        greedy = folder_with("{% set x = 'a' * 10 ** 10 %}{{ x }}", tmp_path / "model")
        with pytest.raises(CauserieError):
            await work.tokens(greedy, HELLO)
        assert (await work.tokens("builtin", HELLO))[0]
        await work.close()

    asyncio.run(ask())


def test_a_cancelled_question_leaves_nothing_for_the_next() -> None:
    async def ask() -> None:
        work = TextWork()
        first = asyncio.create_task(work.tokens("builtin", Text("one two three")))
        await asyncio.sleep(0.05)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        tokens, _ = await work.tokens("builtin", Text("Hi"))
        assert tokens == AutoTokenizer.from_pretrained("builtin")("Hi")["input_ids"]
        await work.close()

    asyncio.run(ask())


def test_a_short_prompt_does_not_wait_for_a_long_one() -> None:
    async def ask() -> None:
        work = TextWork()
        assert (await work.tokens("builtin", HELLO))[0]
        long = asyncio.create_task(work.tokens("builtin", Text("1" * 4_000_000)))
        await asyncio.sleep(0.1)
        for _ in range(5):
            assert (await work.tokens("builtin", HELLO))[0]
        assert not long.done(), "the long one was too quick for this to prove anything"
        long.cancel()
        await work.close()

    asyncio.run(ask())


def test_another_models_endless_template_stops_nobody(tmp_path: Path) -> None:
    async def ask() -> None:
        work = TextWork({"template": 3.0})
        endless = folder_with(ENDLESS, tmp_path / "model")
        assert (await work.tokens("builtin", HELLO))[0]
        waiting = [asyncio.create_task(work.tokens(endless, HELLO)) for _ in range(3)]
        await asyncio.sleep(1.5)
        assert (await work.tokens("builtin", HELLO))[0]
        assert not any(task.done() for task in waiting)
        for ended in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(ended, TemplateError), ended
        await work.close()

    asyncio.run(ask())


def test_the_first_template_has_no_more_time_than_the_next(tmp_path: Path) -> None:
    async def ask() -> None:
        work = TextWork({"template": 1.0})
        endless = folder_with(ENDLESS, tmp_path / "model")
        for _ in range(2):  # the second in a process that has just been started again
            with pytest.raises(TemplateError, match=r"within 1\.0 s"):
                await work.tokens(endless, HELLO)
        await work.close()

    asyncio.run(ask())


def test_a_client_that_leaves_in_template_time_ends_nobody_elses_process(tmp_path: Path) -> None:
    async def ask() -> None:
        work = TextWork()
        slow = "{% if messages[0].content == 'slow' %}" + LOOP * 2 + "{% endfor %}" * 2 + "{% endif %}Hi"
        folder = folder_with(slow, tmp_path / "model")
        await work.tokens(folder, HELLO)
        process = next(iter(work._lane(folder, "short")._workers))._child.process
        leaving = asyncio.create_task(work.tokens(folder, Chat([{"role": "user", "content": "slow"}])))
        await asyncio.sleep(0.3)
        leaving.cancel()
        await asyncio.sleep(0.3)
        assert process.returncode is None
        assert (await work.tokens(folder, HELLO))[0]
        await work.close()

    asyncio.run(ask())


def test_a_slow_tokenizer_is_called_by_its_name() -> None:
    async def ask() -> None:
        work = TextWork({"tokenizer": -4.5})  # with what its length adds, nearly nothing
        with pytest.raises(UsageError, match="tokenizer did not finish 5000000 bytes"):
            await work.tokens("builtin", Text("1" * 5_000_000))
        await work.close()

    asyncio.run(ask())


@pytest.mark.parametrize("prompt", [Text("1" * 1_000_000), Chat([{"role": "user", "content": "1" * 1_000_000}])])
def test_what_cannot_fit_is_refused_by_its_length(prompt: Prompt) -> None:
    async def ask() -> None:
        work = TextWork({"tokenizer": 0.0})
        with pytest.raises(ContextLengthError, match="bytes, which are more than"):
            await work.tokens("builtin", prompt, most_tokens=2048)
        await work.close()

    asyncio.run(ask())


def test_a_tokenizer_that_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    async def ask() -> None:
        work = TextWork()
        with pytest.raises(CauserieError, match="nowhere"):
            await work.tokens(str(tmp_path / "nowhere"), HELLO)
        assert (await work.tokens("builtin", HELLO))[0]
        await work.close()

    asyncio.run(ask())


def _chained_rules(count: int) -> str:
    rules = "".join(f'r{place}: "a" r{place + 1}\n' for place in range(count))
    return str(LLMatcher.grammar_from_lark(f"start: r0\n{rules}r{count}: /b/\n"))


@pytest.mark.parametrize(
    ("name", "grammar"),
    [
        ("overflows its stack", _chained_rules(4000)),
        ("takes too long", str(LLMatcher.grammar_from_regex("(a|b)*" * 33_000))),
    ],
)
def test_a_compiler_of_grammars_ends_its_own_process_alone(name: str, grammar: str) -> None:
    async def ask() -> None:
        work = TextWork()
        with pytest.raises(UsageError) as caught:
            await work.check_grammar("builtin", grammar, 3072, [2])
        assert caught.value.field == "response_format", name
        good = str(LLMatcher.grammar_from_regex("[ab]{3}"))
        await work.check_grammar("builtin", good, 3072, [2])
        await work.close()

    asyncio.run(ask())
