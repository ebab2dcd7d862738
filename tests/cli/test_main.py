"""The command's front door: verbs, exit codes, and sentences instead of tracebacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import causerie
from causerie.cli import main
from causerie.cli.main import VERBS
from causerie.cli.verbs import chat

SOURCE = Path(causerie.__file__).parent.parent


def causerie_command(*words: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with nothing on its standard input."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), **settings}
    return subprocess.run(
        [sys.executable, "-m", "causerie.cli.main", *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["help"], ["help", "-h"]])
def test_help_names_every_verb(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(words) == 0
    shown = capsys.readouterr().out
    assert all(f"causerie {verb} " in shown for verb in VERBS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--version"]) == 0
    assert capsys.readouterr().out == f"causerie {causerie.__version__}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["chta"], "causerie: Unknown verb 'chta'. Known, nearest first: chat, "),
        (["--vesion"], "causerie: Unknown option '--vesion'. Known, nearest first: --version, --help. "),
        (
            ["chat", "--sytem-prompt", "x"],
            "causerie: Unknown option of `causerie chat` '--sytem-prompt'. Known, ",
        ),
        (
            ["chat", "max_new_token=5"],
            "causerie: Unknown generate flag 'max_new_token'. Known, nearest ",
        ),
        (["chat", "temperature=hot"], "causerie: temperature is 'hot'; it must be a number from 0 to 1000.\n"),
        (
            ["chat", "builtin", "hello"],
            "causerie: 'hello' is not key=value. Flags look like max_new_tokens=200; ",
        ),
        (["chat", "builtin", "--model_name_or_path", "b"], "causerie: The model is named twice, as 'builtin' and by "),
        (["chat", "--threads", "none"], "causerie: Argument --threads: 'none' is not a whole number. "),
        (["chat", "--threads", "0"], "causerie: Argument --threads: '0' is less than 1. "),
        (["chat", "--prompt"], "causerie: Argument -p/--prompt: expected one argument. `causerie chat -h` lists"),
        (["chat", "-p", "a\udcffb"], "causerie: What follows -p is not UTF-8 text: 'a\\udcffb'."),
        (["chat", ""], "causerie: The model's name is empty. "),
    ],
)
def test_mistakes_are_sentences_with_exit_code_2(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(words) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(says)
    assert captured.out == ""


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (["--temperature", "0.7"], "temperature=0.7"),
        (["--top-k=5", "-p", "x"], "top_k=5"),
        (["--do_sample", "-p", "x"], "do_sample=True"),
        (["--presence-penalty", "-1", "-p", "x"], "presence_penalty=-1"),
        (["--stop", "a b"], "'stop=a b'"),
    ],
)
def test_a_flag_written_as_an_option_is_shown_as_it_is_written(
    words: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["chat", *words]) == 2
    option = words[0].partition("=")[0]
    sentence = f"causerie: {option} is a generate flag; those are written without dashes: {word}\n"
    assert capsys.readouterr().err == sentence


@pytest.mark.parametrize(
    ("words", "question", "model"),
    [
        (["What is a token?"], "What is a token?", ""),
        (["Why?"], "Why?", ""),
        (["say hello"], "say hello", ""),
        (["What is 1/2 + 1 = ?"], "What is 1/2 + 1 = ?", ""),
        (["What", "is", "a", "token?", "seed=1"], "What is a token?", ""),
        (["org/name", "say", "hello"], "say hello", "org/name "),
        (["builtin", "What is a token?"], "What is a token?", "builtin "),
    ],
)
def test_a_question_in_the_place_of_the_model_is_shown_after_p(
    words: list[str], question: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["chat", *words]) == 2
    way = f'A question goes after -p: causerie chat {model}-p "{question}"'
    assert capsys.readouterr().err == f'causerie: "{question}" is no model\'s name. {way}\n'


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["run", "llama3.2"],
            "'run' is a verb of Ollama. Here: `causerie chat meta-llama/Llama-3.2-3B-Instruct` talks",
        ),
        (
            ["pull", "qwen2.5:0.5b"],
            "'pull' is a verb of Ollama. Here: `causerie models pull Qwen/Qwen2.5-0.5B-Instruct` downlo",
        ),
        (["list"], "'list' is a verb of Ollama. Here: `causerie models` lists the models that are here;"),
        (["rm", "org/m"], "'rm' is a verb of Ollama. Here: `causerie models rm org/m` deletes a downloaded model."),
        (["run"], "'run' is a verb of Ollama. Here: `causerie chat Qwen/Qwen2.5-0.5B-Instruct` talks to a model;"),
        (
            ["chat", "llama3.2:1b"],
            "'llama3.2:1b' is a name of Ollama's library. On the Hugging Face hub that model is ",
        ),
    ],
)
def test_words_of_ollama_get_the_sentence_that_its_users_need(words: list[str], says: str) -> None:
    done = causerie_command(*words, stdin="x")
    assert done.returncode == 2 and done.stderr.startswith(f"causerie: {says}")


def test_one_question_cannot_resume_a_chat() -> None:
    done = causerie_command("chat", "-p", "x", "--resume")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "causerie: --resume goes on with a chat in the terminal; -p and a pipe ask one thing."
    )


def test_options_may_stand_among_the_words() -> None:
    words = ["--threads", "2", "org/name", "seed=1", "-p", "hi", "top_k=3", "--dtype=float32"]
    options = chat.parser(80).read(words)
    assert options.words == ["org/name", "seed=1", "top_k=3"]
    assert (options.prompt, options.threads, options.dtype) == ("hi", 2, "float32")


@pytest.mark.parametrize(
    ("words", "name"),
    [([], None), (["seed=1"], None), (["org/name"], "org/name"), (["./folder", "seed=1"], "./folder")],
)
def test_the_first_word_without_an_equals_sign_is_the_model(words: list[str], name: str | None) -> None:
    model, flags = chat.model_and_flags(words, None)
    assert model == name
    assert flags.to_dict() == ({"seed": 1} if "seed=1" in words else {})


def test_a_question_may_begin_with_a_dash() -> None:
    assert chat.parser(80).read(["-p", "-5 plus 3?"]).prompt == "-5 plus 3?"


@pytest.mark.parametrize("words", [[verb, "-h"] for verb in VERBS] + [["help", verb] for verb in VERBS], ids=" ".join)
def test_every_verb_explains_itself(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(words) == 0
    verb = next(word for word in words if word in VERBS)
    assert capsys.readouterr().out.startswith(f"usage: causerie {verb}")


def test_the_command_loads_nothing_heavy() -> None:
    code = "import sys, causerie.cli.main as m; m.main(['--help']); print([n for n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(SOURCE)})
    loaded = done.stdout.splitlines()[-1]
    heavy = ("numpy", "torch", "tokenizers", "jinja2", "rich", "prompt_toolkit", "huggingface_hub", "asyncio")
    assert [name for name in heavy if f"'{name}'" in loaded] == []


def test_a_reader_that_leaves_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "causerie.cli.main", "chat", "-h"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()  # before the command has begun to write
    complaint = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), complaint) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", [["-h"], ["chat", "-h"], ["info"], ["chat", "builtin", "-p", "Hello!"]], ids=" ".join)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_takes_no_more_is_a_sentence(words: list[str], unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-m", "causerie.cli.main", *words]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            env=environment,
        )
    assert (done.returncode, done.stderr) == (
        1,
        "causerie: What was to be written could not be: No space left on device.\n",
    )


def test_mistakes_in_a_process_of_its_own() -> None:
    done = causerie_command("chat", "seed=x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("causerie: seed is 'x'; it must be a whole number")


def test_an_empty_prompt_asks_nothing() -> None:
    done = causerie_command("chat", "-p", " ")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "causerie: The prompt is empty: -p wants the question, in quotes.\n"


def test_an_empty_pipe_asks_nothing() -> None:
    done = causerie_command("chat", stdin=" \n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "causerie: Standard input is empty and there is no -p: nothing was asked.\n"
