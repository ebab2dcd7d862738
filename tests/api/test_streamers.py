"""Streamers: what they show is what decoding shows, and errors reach whoever listens."""

from __future__ import annotations

import asyncio
import queue
from threading import Thread
from typing import Any

import pytest
import torch
import transformers

from causerie import (
    AsyncTextIteratorStreamer,
    CausalLM,
    TextGenerationPipeline,
    TextIteratorStreamer,
    TextStreamer,
)
from causerie.errors import EngineError, UnknownName, UsageError
from tests.api.test_causal_lm import FailingEngine


@pytest.fixture(scope="module")
def inputs(tokenizer: Any) -> Any:
    return tokenizer("Hello, how", return_tensors="pt")


@pytest.fixture(scope="module")
def tokens(model: CausalLM, inputs: Any) -> list[int]:
    """The new tokens of the answer that everything here streams."""
    row: list[int] = model.generate(**inputs, max_new_tokens=16)[0].tolist()
    return row[inputs["input_ids"].shape[1] :]


def test_text_streamer_prints(
    model: CausalLM, tokenizer: Any, inputs: Any, tokens: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    model.generate(**inputs, max_new_tokens=16, streamer=TextStreamer(tokenizer))
    assert capsys.readouterr().out == "Hello, how" + tokenizer.decode(tokens) + "\n"
    streamer = TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
    for _ in range(2):  # a streamer can be used again
        model.generate(**inputs, max_new_tokens=16, streamer=streamer)
        assert capsys.readouterr().out == tokenizer.decode(tokens, skip_special_tokens=True) + "\n"


def test_their_streamer_works_too(
    model: CausalLM, their_tokenizer: Any, inputs: Any, tokens: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    model.generate(**inputs, max_new_tokens=16, streamer=transformers.TextStreamer(their_tokenizer, skip_prompt=True))
    assert capsys.readouterr().out == their_tokenizer.decode(tokens) + "\n"


def test_any_object_with_put_and_end(model: CausalLM, inputs: Any, tokens: list[int]) -> None:
    class Own:
        def __init__(self) -> None:
            self.values: list[Any] = []
            self.ended = False

        def put(self, value: Any) -> None:
            self.values.append(value)

        def end(self) -> None:
            self.ended = True

    own = Own()
    model.generate(**inputs, max_new_tokens=16, streamer=own)
    assert torch.equal(own.values[0], inputs["input_ids"]) and own.ended
    assert [value.tolist() for value in own.values[1:]] == [[token] for token in tokens]


def test_iterator(model: CausalLM, tokenizer: Any, inputs: Any, tokens: list[int]) -> None:
    streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, timeout=20)
    thread = Thread(target=model.generate, kwargs={**inputs, "max_new_tokens": 16, "streamer": streamer})
    thread.start()
    pieces = list(streamer)
    thread.join()
    assert "".join(pieces) == tokenizer.decode(tokens) and len(pieces) > 3


def test_a_stop_string_is_shown_as_theirs(
    model: CausalLM, tokenizer: Any, theirs: Any, their_tokenizer: Any, inputs: Any, tokens: list[int]
) -> None:
    stop = tokenizer.decode(tokens)[10:14]
    shown = []
    for each, own, kind in (
        (model, tokenizer, TextIteratorStreamer),
        (theirs, their_tokenizer, transformers.TextIteratorStreamer),
    ):
        streamer = kind(own, skip_prompt=True)
        each.generate(**inputs, max_new_tokens=16, streamer=streamer, stop_strings=stop, tokenizer=own)
        shown.append("".join(streamer))
    assert shown[0] == shown[1] and stop in shown[0]


def test_errors_reach_the_iterator(
    model: CausalLM, tokenizer: Any, inputs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "_engine", FailingEngine())
    streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, timeout=20)
    with pytest.raises(EngineError):
        model.generate(**inputs, streamer=streamer)
    assert next(streamer)
    with pytest.raises(EngineError, match="no numbers"):
        next(streamer)


@pytest.mark.parametrize("wrong", [{"max_new_tokens": -1}, {"max_new_token": 4}, {"num_beams": 3}])
def test_mistakes_reach_the_iterator(model: CausalLM, tokenizer: Any, inputs: Any, wrong: dict[str, Any]) -> None:
    # generate() refuses before it begins, in a thread whose error nobody sees; without a timeout this would hang.
    def ask(**flags: Any) -> None:
        with pytest.raises(UsageError):
            model.generate(**inputs, **flags)

    streamer = TextIteratorStreamer(tokenizer, timeout=20)
    thread = Thread(target=ask, kwargs={**wrong, "streamer": streamer})
    thread.start()
    with pytest.raises(UsageError, match=next(iter(wrong))):
        next(streamer)
    thread.join()


def test_mistakes_of_a_pipeline_reach_the_iterator(model: CausalLM, tokenizer: Any) -> None:
    pipe = TextGenerationPipeline(model)
    chat = [{"role": "user", "content": "fox " * 300}]
    for inputs, options in (([{"role": "usr", "content": "x"}], {}), (chat, {}), ("a", {"topk": 3})):
        streamer = TextIteratorStreamer(tokenizer, timeout=20)
        with pytest.raises(UsageError):
            pipe(inputs, streamer=streamer, **options)
        with pytest.raises(UsageError):
            next(streamer)


def test_nothing_is_printed_where_nothing_began(
    model: CausalLM, tokenizer: Any, inputs: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError):
        model.generate(**inputs, streamer=TextStreamer(tokenizer), top_p=3.0)
    assert capsys.readouterr().out == ""


def test_timeout(tokenizer: Any) -> None:
    with pytest.raises(queue.Empty):
        next(TextIteratorStreamer(tokenizer, timeout=0.01))


def test_coroutine(model: CausalLM, tokenizer: Any, inputs: Any, tokens: list[int]) -> None:
    async def read() -> str:
        streamer = AsyncTextIteratorStreamer(tokenizer, skip_prompt=True, timeout=20)
        Thread(target=model.generate, kwargs={**inputs, "max_new_tokens": 16, "streamer": streamer}).start()
        return "".join([piece async for piece in streamer])

    assert asyncio.run(read()) == tokenizer.decode(tokens)
    with pytest.raises(UsageError, match="inside a coroutine"):
        AsyncTextIteratorStreamer(tokenizer)


def test_characters_come_whole(tokenizer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    streamer = TextStreamer(tokenizer)
    text = "né 漢字 🙂!"
    streamer.put([])
    for token in tokenizer.encode(text):
        streamer.put([token])
        assert "\ufffd" not in capsys.readouterr().out
    streamer.end()


def test_refused(model: CausalLM, tokenizer: Any) -> None:
    with pytest.raises(UnknownName, match="skip_special_tokens"):
        TextStreamer(tokenizer, skip_specials=True)
    with pytest.raises(UsageError, match="already shown"):
        TextStreamer(tokenizer, clean_up_tokenization_spaces=True)
    with pytest.raises(UsageError, match="2 were asked for"):
        model.generate([[5], [6]], streamer=TextStreamer(tokenizer))
