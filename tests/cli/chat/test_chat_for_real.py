"""`causerie chat` as a person meets it: whole processes, a real model, a real (pseudo) terminal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from causerie.api.generation.config import GenerationConfig
from causerie.api.options.load_options import LoadOptions
from causerie.cli.conversation.model_conversation import ModelChoice, open_conversation
from causerie.errors import UsageError
from tests.cli.conftest import COMMAND, Pseudoterminal, environment

Command = Callable[..., subprocess.CompletedProcess[bytes]]
Start = Callable[..., Pseudoterminal]

COST = r"\d+ tokens? · (\d+(\.\d)? tokens/s · )?first token after \d+\.\d\d s · context \d+ of \d+\n"


def test_one_question_gets_the_answer_alone(command: Command, model_name: str) -> None:
    done = command("chat", model_name, "-p", "Hello!", "max_new_tokens=30")
    assert done.returncode == 0, done.stderr
    answer = done.stdout.decode()
    assert answer.strip() and answer.endswith("\n")
    assert b"tokens/s" not in done.stdout + done.stderr


def test_every_way_to_ask_gives_the_same_answer(command: Command, model_name: str) -> None:
    asked = command("chat", model_name, "-p", "What is a token?", "max_new_tokens=12")
    piped = command("chat", "--model_name_or_path", model_name, "max_new_tokens=12", stdin=b"What is a token?\n")
    both = command("chat", model_name, "-p", "What is", "max_new_tokens=12", stdin=b"a token?")
    split = command("chat", model_name, "-p", "What is\n\na token?", "max_new_tokens=12")
    assert (asked.returncode, piped.returncode, both.returncode) == (0, 0, 0)
    assert asked.stdout == piped.stdout
    assert both.stdout == split.stdout


def test_a_stuck_answer_is_ended_and_said(command: Command, model_name: str) -> None:
    words = ("chat", model_name, "-p", "Hello!", "logit_bias={70: 100}", "max_new_tokens=700")
    ended, going = command(*words), command(*words, "repetition_detection=false")
    assert len(ended.stdout) == 577 and b"repetition_detection=false lets such answers go on." in ended.stderr
    assert len(going.stdout) == 701 and b"cut at max_new_tokens=700" in going.stderr


def test_a_question_that_is_too_long_says_what_can_be_done_from_there(command: Command, model_name: str) -> None:
    done = command("chat", model_name, "-p", "Summarize:", stdin=b"why? " * 3000)
    assert done.returncode == 2 and done.stdout == b""
    assert b"Shorten what is asked, or take a model with a longer context." in done.stderr
    assert b"clear" not in done.stderr


def test_an_answer_as_events_for_programs(command: Command, model_name: str) -> None:
    words = ("chat", model_name, "-p", "Hello!", "max_new_tokens=12")
    done = command(*words, "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert {event["type"] for event in events[:-1]} == {"text"}
    assert "".join(event["text"] for event in events[:-1]) == command(*words).stdout.decode().removesuffix("\n")
    end = events[-1]
    assert (end["type"], end["model"], end["finish_reason"], end["new_tokens"]) == ("end", model_name, "length", 12)
    assert end["prompt_tokens"] > 0 and end["tokens_per_second"] > 0
    long = command("chat", model_name, "-p", "why? " * 20_000, "--json")
    failure = json.loads(long.stdout)
    assert long.returncode == 2 and failure["type"] == "error" and "context" in failure["message"]
    assert command("chat", model_name, "--json", "--prompt", "").returncode == 2


def test_a_seed_gives_the_same_answer_again(command: Command, model_name: str) -> None:
    words = ("chat", model_name, "-p", "Hello!", "temperature=1.5", "top_k=0", "seed=7", "max_new_tokens=12")
    assert command(*words).stdout == command(*words, "--threads", "1").stdout


def test_what_cannot_be_is_said_and_the_answer_stays_empty(command: Command, model_name: str) -> None:
    for words, says, code in [
        ((model_name, "-p", "why? " * 20_000), "context", 2),
        (("./no-such-folder", "-p", "hi"), "There is no folder ./no-such-folder", 2),
        (("not a model", "-p", "hi"), "neither a folder", 2),
        ((model_name, "-p", "hi", "--dtype", "float99"), "float99", 2),
        ((model_name, "-p", "hi", "--device", "cuda:77"), "cuda", None),
        ((model_name, "-p", "hi", "--backend", "native", "--device", "cuda"), "native", 2),
    ]:
        done = command("chat", *words)
        complaint = done.stderr.decode()
        assert done.stdout == b""
        assert complaint.startswith("causerie: ") and says in complaint and "Traceback" not in complaint
        assert done.returncode == code or (code is None and done.returncode in (1, 2))


def test_input_that_is_not_text_is_refused(command: Command) -> None:
    done = command("chat", stdin=b"ab\xff\xfe")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"not UTF-8 text: byte 2 is 0xff" in done.stderr


def test_a_chat_in_a_terminal(terminal: Start, model_name: str) -> None:
    chat = terminal("chat", model_name, "max_new_tokens=25")
    header = chat.wait_for(r"exit leaves\.\n")
    assert re.search(rf"Causerie \S+ · {model_name} · \w+, native on cpu · context \d+\n", header)
    chat.type("Hello!\r")
    chat.wait_for(COST + r"[^>]*> ")
    chat.type("And what is a token?\r")
    first = chat.wait_for(COST + r"[^>]*> ")
    chat.type("help\r")
    chat.wait_for(r"begins a new chat; the system prompt stays[^>]*Enter: more[^>]*> ")
    chat.type("\r")
    chat.wait_for(r"Enter: more[^>]*> ")
    chat.type("\r")
    chat.wait_for(r"changes what the model said[^>]*> ")
    chat.type("/claer\r")
    chat.wait_for(r"Unknown command '/claer'[^>]*> ")
    chat.type("clear\r")
    chat.wait_for(r"A new chat\.\n\n> ")
    chat.type("Hello!\r")
    again = chat.wait_for(COST + r"[^>]*> ")
    contexts = [int(re.search(r"context (\d+) of", shown)[1]) for shown in (first, again)]  # type: ignore[index]
    assert contexts[0] > contexts[1]  # the second turn held the first; after clear nothing is held
    chat.type("exit\r")
    assert chat.end() == 0
    assert "Traceback" not in chat.text


def test_a_chat_is_saved_by_itself_and_resumed(terminal: Start, model_name: str, tmp_path: Path) -> None:
    chat = terminal("chat", model_name, "max_new_tokens=12", CAUSERIE_DATA=str(tmp_path))
    chat.wait_for(r"leaves\.\n[^>]*> ")
    chat.type("What is a token?\r")
    chat.wait_for(COST + r"[^>]*> ")
    chat.type("/ret\t\r")  # Tab completes
    chat.wait_for(COST + r"[^>]*> ")
    chat.type("/list\r")
    chat.wait_for(r"  \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\n[^>]*> ")
    chat.type("exit\r")
    assert chat.end() == 0
    (file,) = (tmp_path / "chats").glob("*.json")
    assert [message["role"] for message in json.loads(file.read_text())["messages"]] == ["user", "assistant"]
    again = terminal("chat", model_name, "max_new_tokens=12", "--resume", CAUSERIE_DATA=str(tmp_path))
    again.wait_for(r"1 message of yours\. The last:\n> What is a token\?\n")
    again.wait_for(r"> ")
    again.type("\x04")
    assert again.end() == 0
    history = tmp_path / "history"
    assert "+What is a token?\n" in history.read_text() and history.stat().st_mode & 0o077 == 0


def test_the_larger_model_is_named_with_the_built_in_one(terminal: Start, model_name: str) -> None:
    chat = terminal("chat")
    chat.wait_for(r"causerie chat Qwen/Qwen2\.5-0\.5B-Instruct \(\d+\.\d MB\)\n")
    chat.wait_for("> ")
    chat.type("\x04")
    assert chat.end() == 0


def test_ctrl_c_stops_an_answer_and_keeps_the_chat(terminal: Start, model_name: str) -> None:
    # Without an end the answer goes on until the context is full, so there is time to stop it.
    chat = terminal("chat", model_name, "eos_token_id=[]", "max_new_tokens=100000")
    chat.wait_for(r"exit leaves\.\n")
    chat.wait_for("> ")
    chat.type("Tell me all about tokens.\r")
    # Two lines of the answer: what is typed ahead of the prompt is shown twice, and neither time is it an answer.
    chat.wait_for(r"tokens\.\n(?:(?![> ]|Tell)[^\n]{20,}\n){2}")
    chat.interrupt()
    chat.wait_for(r"Stopped; the chat keeps what was said\.")
    chat.wait_for("> ")
    chat.type("\x03")
    chat.wait_for("Ctrl-C again")
    chat.wait_for("> ")
    chat.type("\x03")
    assert chat.end() == 0
    assert "Traceback" not in chat.text


def test_ctrl_c_stops_an_answer_where_a_terminal_is_dumb(terminal: Start, model_name: str) -> None:
    chat = terminal("chat", model_name, "eos_token_id=[]", "max_new_tokens=100000", TERM="dumb")
    chat.wait_for(r"leaves\.\n")
    chat.wait_for(">")
    chat.type("Tell me all about tokens.\n")
    chat.wait_for(r"tokens\.\n(?s:.){100}")
    chat.interrupt()
    chat.wait_for(r"Stopped; the chat keeps what was said\.")
    chat.wait_for("> ")
    chat.type("/undo\n")  # the program goes on, and the chat has the message
    chat.wait_for("Your last message and its answer are forgotten")
    chat.type("exit\n")
    assert chat.end() == 0
    assert "Traceback" not in chat.text


@pytest.mark.parametrize("settings", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_terminals_that_can_do_less(terminal: Start, model_name: str, settings: dict[str, str]) -> None:
    chat = terminal("chat", model_name, "max_new_tokens=5", columns=30, **settings)
    chat.wait_for(r"leaves\.\n")
    chat.wait_for(">")
    chat.type("Hello!\n" if "TERM" in settings else "Hello!\r")
    chat.wait_for("context")
    chat.wait_for(">")
    chat.type("\x04")
    assert chat.end() == 0


def test_no_input_at_all_ends_the_chat_at_once(model_name: str) -> None:
    words = [*COMMAND, "chat", model_name]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, env=environment())
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"Causerie ")


def test_the_history_holds_exactly_the_models_text(model_name: str) -> None:
    flags = GenerationConfig(max_new_tokens=20)
    with open_conversation(ModelChoice(model_name, LoadOptions(threads=1)), flags, "Be short.") as chat:
        said = []
        for question in ("Hello!", "What is a token?"):
            reply = chat.reply(question)
            said.append("".join(reply))
            assert reply.cost is not None and 0 < reply.cost.new_tokens <= 20
        assert [message["role"] for message in chat.messages] == ["system", "user", "assistant", "user", "assistant"]
        assert [message["content"] for message in chat.messages[2::2]] == said
        assert reply.cost.cached_tokens > 10  # the second turn read only what was new
        assert chat.limit == "max_new_tokens=20"
        chat.clear()
        assert [message["role"] for message in chat.messages] == ["system"]


def test_a_lone_temperature_samples_in_a_chat(model_name: str) -> None:
    flags = GenerationConfig(temperature=2.0, seed=1, max_new_tokens=12)
    with open_conversation(ModelChoice(model_name, LoadOptions(threads=1)), flags, None) as chat:
        said = []
        for seed in (1, 1, 2):
            chat.set([f"seed={seed}"])
            said.append("".join(chat.reply("Tell me something.")))
            chat.clear()
        assert said[0] == said[1] != said[2]
        with pytest.raises(UsageError, match="temperature=2 would do nothing"):
            chat.set(["do_sample=False"])


def test_info_says_what_runs_and_why(command: Command) -> None:
    done = command("info", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert {"version", "python", "platform", "processor", "memory", "backends", "builtin_model"} <= set(report)
    assert report["processor"]["threads"] >= 1 and report["processor"]["threads_reason"]
    for backend in report["backends"].values():
        assert isinstance(backend["runs"], bool) and backend["reason"]


def test_info_for_people_names_the_same_things(command: Command) -> None:
    done = command("info", CAUSERIE_THREADS="3")
    lines = done.stdout.decode().splitlines()
    named = [line[:16].strip() for line in lines if line[:1].strip()]
    assert named[:2] == ["causerie", "libraries"] and "native backend" in named and "built-in model" in named
    assert "threads         3: CAUSERIE_THREADS asks for them" in lines


@pytest.mark.parametrize(
    "words", [["info"], ["chat", "MODEL", "-p", "Hello!", "max_new_tokens=10"]], ids=["info", "chat"]
)
def test_torch_is_not_needed(words: list[str], model_name: str) -> None:
    words = [model_name if word == "MODEL" else word for word in words]
    code = f"import sys; sys.modules['torch'] = None; from causerie.cli.main import main; sys.exit(main({words!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120, env=environment())
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
