"""The models of the guide and the ten most wanted chat: in Python, in `causerie chat` and through `causerie serve` they
give the same answer, whose tokens are transformers'."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from causerie import pipeline
from causerie.cli.main import main
from tests.parity.harness import reference, reference_greedy
from tests.released.chat_models import CHAT_MODELS, ChatModel, save_chat_model
from tests.server.server_process import Server, serving

NEW = 12  # tokens of an answer
THOUGHT = 4  # tokens of a reasoning, where the template opens one
QUESTION = "Hello, what is a token?"

pytestmark = pytest.mark.filterwarnings("ignore:.*left out:UserWarning")  # what the wholes see and hear with


@pytest.fixture(scope="module")
def folders(conformance: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each family's model."""
    home = tmp_path_factory.mktemp("released")
    return {each.family: save_chat_model(each, conformance / "templates", home / each.family) for each in CHAT_MODELS}


@pytest.fixture(scope="module")
def server(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that has all of them."""
    with serving(tmp_path_factory.mktemp("server"), *map(str, folders.values())) as started:
        yield started


@pytest.fixture
def nobody_types(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is piped into a command."""
    with open(os.devnull) as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        yield


@pytest.mark.usefixtures("nobody_types")
@pytest.mark.parametrize("model", CHAT_MODELS, ids=lambda model: model.family)
def test_it_chats(
    model: ChatModel, folders: dict[str, Path], server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folders[model.family]
    chat = [{"role": "user", "content": QUESTION}]
    more = {"thinking_budget": THOUGHT} if model.reasons else {}
    pipe = pipeline("text-generation", str(folder))
    said = pipe(chat, max_new_tokens=NEW, do_sample=False, **more)[0]["generated_text"][-1]["content"]

    ids = pipe.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
    judged = reference_greedy(reference(folder), ids, THOUGHT if model.reasons else NEW)
    expected = pipe.tokenizer.decode(judged)

    flags = [f"{name}={value}" for name, value in more.items()]
    capsys.readouterr()
    assert main(["chat", str(folder), "-p", QUESTION, f"max_new_tokens={NEW}", "do_sample=False", *flags]) == 0
    shown = capsys.readouterr().out.removesuffix("\n")

    answer = server.openai_client().chat.completions.create(
        model=str(folder), messages=chat, temperature=0, max_tokens=NEW, extra_body=more
    )
    message = answer.choices[0].message
    reasoning = getattr(message, "reasoning_content", None)
    assert answer.usage is not None and answer.usage.prompt_tokens == len(ids)
    assert reasoning == (expected if model.reasons else None)
    assert said == (expected + shown if model.reasons else expected)
    assert shown == message.content and shown.strip()
