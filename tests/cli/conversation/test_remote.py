"""A chat with another server: ours, really started, and refusals by what nobody serves."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPResponse
from pathlib import Path

import pytest

from causerie.api.generation.config import GenerationConfig
from causerie.chat.chat_files import ChatFolder, SavedChat
from causerie.cli.chat.terminal import Terminal
from causerie.cli.conversation.remote_conversation import OpenAIServer, RemoteConversation, open_remote
from causerie.cli.screen.screen import Screen
from causerie.errors import EngineError, UnknownName, Unsupported, UsageError
from tests.cli.conftest import COMMAND, Pseudoterminal, environment
from tests.cli.scripted import ScriptedConversation, ScriptedKeyboard
from tests.server.server_process import Server, serving, start

Start = Callable[..., Pseudoterminal]
GREEDY = GenerationConfig(do_sample=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("remote")
    (folder / "keys").write_text("sesame\n")
    with serving(folder, "--api-key-file", str(folder / "keys")) as started:
        yield started


@pytest.fixture
def chat(server: Server) -> RemoteConversation:
    return open_remote(server.url, "sesame", None, GREEDY, None)


def said(reply: object) -> str:
    return "".join(str(piece) for piece in reply)  # type: ignore[attr-defined]


def test_it_takes_every_command(chat: RemoteConversation) -> None:
    whole = said(chat.reply("What is a token?"))
    assert chat.model_name == "builtin" and chat.context == 2048
    assert said(chat.retry()) == whole
    assert [message["content"] for message in chat.messages] == ["What is a token?", whole]
    begun = whole[: whole.index(" ", len(whole) // 2)]
    chat.amend(begun)
    assert begun + said(chat.proceed()) == whole == chat.messages[-1]["content"]
    chat.set(["max_new_tokens=3"])
    cut = chat.retry()
    assert said(cut) and cut.finish_reason == "length" and cut.cost is not None and cut.cost.new_tokens == 3
    assert chat.limit == "max_new_tokens=3"
    chat.unset("max_new_tokens")
    with pytest.raises(UsageError, match=r"has no model 'other'\. It serves: builtin"):
        chat.switch("other")
    with pytest.raises(UnknownName):
        chat.set(["tempratur=1"])
    with pytest.raises(Unsupported, match="epsilon_cutoff"):
        chat.set(["epsilon_cutoff=0.1"])
    assert chat.undo() and not chat.messages and not chat.undo()
    chat.replace([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}])
    assert chat.system_prompt == "Be brief." and said(chat.retry())


def test_stopping_keeps_what_came(chat: RemoteConversation) -> None:
    reply = chat.reply("Tell me about tokens.")
    pieces = iter(reply)
    first = str(next(pieces))
    reply.stop()
    assert reply.finish_reason == "cancelled" and chat.messages[-1] == {"role": "assistant", "content": first}


def test_a_session_outlives_its_server(tmp_path: Path) -> None:
    server = start(tmp_path)
    chat = open_remote(server.url + "/v1/", None, "builtin", GREEDY, None)
    out = io.StringIO()
    keyboard = ScriptedKeyboard(["Hello!", "/why"])
    terminal = Terminal(chat, keyboard, Screen(out), (), ChatFolder(tmp_path / "chats"), ScriptedConversation([]))
    terminal.run()
    assert "  to the first token " in out.getvalue() and "did in that time it does not say" in out.getvalue()
    assert server.stop() in (0, -15)
    keyboard.lines = ["Still there?", "/save kept"]
    terminal.run()
    assert "does not answer" in out.getvalue() and "The chat is as it was before this message." in out.getvalue()
    assert ChatFolder(tmp_path / "chats").load("kept").messages[0]["content"] == "Hello!"


def test_keys_and_addresses(server: Server) -> None:
    with pytest.raises(UsageError, match="status 401: This server needs an API key"):
        open_remote(server.url, None, None, GREEDY, None)
    with pytest.raises(EngineError, match="does not answer"):
        open_remote("http://127.0.0.1:9", None, None, GREEDY, None)
    for url in ("ftp://x", "http://", "file:///etc/passwd"):
        with pytest.raises(UsageError, match="is no address of a server"):
            OpenAIServer(url)
    assert OpenAIServer("localhost:8000").base == "http://localhost:8000/v1"


def test_the_command(command: Callable[..., subprocess.CompletedProcess[bytes]], server: Server) -> None:
    words = ("chat", "--url", server.url, "-p", "What is a token?", "do_sample=False")
    done = command(*words, CAUSERIE_API_KEY="sesame")
    here = command("chat", "builtin", "-p", "What is a token?", "do_sample=False")
    assert done.returncode == 0 and done.stdout == here.stdout, done.stderr
    refused = command("chat", "--url", server.url, "-p", "x", "--quantization", "int4", "--strict")
    assert (
        refused.returncode == 2 and b"--quantization, --strict are about a model that is loaded here" in refused.stderr
    )
    assert command("chat", "--api-key", "x", "-p", "x").returncode == 2


def test_a_stuck_answer_is_ended_and_told(chat: RemoteConversation) -> None:
    """Our own server is asked for that by itself; it is said as of a model that is here."""
    stuck = ["logit_bias={70: 100}", "max_new_tokens=700"]
    ended = chat.reply("Hello!")
    assert said(ended) and ended.finish_reason == "stop"
    ended = chat.retry(stuck)
    assert len(said(ended)) == 576 and ended.finish_reason == "repetition"
    going = chat.retry([*stuck, "repetition_detection=false"])
    assert len(said(going)) == 700 and going.finish_reason == "length"


def test_a_server_of_another_kind_is_asked_for_nothing_that_it_may_not_know() -> None:
    bodies: list[dict[str, object]] = []

    class Other(OpenAIServer):
        def models(self) -> list[dict[str, object]]:
            return [{"id": "m", "owned_by": "somebody"}]

        def stream(self, body: Mapping[str, object]) -> HTTPResponse:
            bodies.append(dict(body))
            raise EngineError("enough")

    chat = RemoteConversation(Other("http://there"), None, GREEDY, None)
    for _ in range(2):
        with pytest.raises(EngineError, match="enough"):
            chat.reply("Hello!")
        chat.set(["repetition_detection=true"])
    assert "repetition_detection" not in bodies[0] and bodies[1]["repetition_detection"] is True


def test_a_resumed_chat_goes_back_to_its_server(terminal: Start, server: Server, tmp_path: Path) -> None:
    place = {"CAUSERIE_DATA": str(tmp_path), "CAUSERIE_API_KEY": "sesame"}
    chat = terminal("chat", "--url", server.url, "do_sample=False", columns=200, **place)
    chat.wait_for("> ")
    chat.type("What is a token?\r")
    chat.wait_for(r"context \d+ of 2048\n[^>]*> ")
    chat.type("exit\r")
    assert chat.end() == 0
    again = terminal("chat", "--resume", columns=200, **place)
    again.wait_for(r"The last:\n> What is a token\?\n")
    again.wait_for(rf"builtin · at {server.url}/v1 · context 2048\n")
    again.wait_for("> ")
    again.type("\x04")
    assert again.end() == 0 and "It was held with" not in again.text
    here = terminal("chat", "builtin", "--resume", columns=200, **place)
    here.wait_for(
        rf"It was held with builtin at {server.url}/v1; `causerie chat --url {server.url}/v1 builtin --resume "
    )
    here.wait_for("builtin · bfloat16, native on cpu")
    here.wait_for("> ")
    here.type("\x04")
    assert here.end() == 0


def test_a_resumed_chat_whose_server_has_gone_says_how_to_go_on(tmp_path: Path) -> None:
    ChatFolder(tmp_path / "chats").save("lost", SavedChat("m", [], server="http://127.0.0.1:9/v1"))
    words = [*COMMAND, "chat", "--resume"]
    settings = environment(CAUSERIE_DATA=str(tmp_path))
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, env=settings)
    complaint = done.stderr.decode()
    assert done.returncode == 1 and "http://127.0.0.1:9/v1 does not answer" in complaint
    assert complaint.endswith(
        "The chat 'lost' was held with m at http://127.0.0.1:9/v1; to go on with it here, name a model: "
        'causerie chat MODEL --resume "lost"\n'
    )
