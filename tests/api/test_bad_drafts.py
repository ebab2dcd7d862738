"""What is asked of a draft that cannot be: in Python a call that names it is refused with a sentence, and a model that
is loaded with it, a chat and a server go on without it and say why."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from causerie.api.causal_lm import CausalLM
from causerie.api.machine.abilities import hardware
from causerie.builtin import builtin_model_path
from causerie.errors import (
    CauserieError,
    DraftWarning,
    MissingFile,
    ModelNotFound,
    OutOfMemory,
    Unsupported,
    UsageError,
)
from tests.api.test_draft_search import load, put
from tests.server.server_process import Server, serving

pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def drafts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, type[CauserieError], str]]:
    """Folders that cannot guess for the built-in model, and what is said of each."""
    made = tmp_path_factory.mktemp("drafts")
    (made / "empty").mkdir()
    few = put(made, "org/few", vocab_size=300)
    (few / "tokenizer.json").unlink()
    states = made / "states"
    mamba = transformers.MambaConfig(vocab_size=3072, hidden_size=32, num_hidden_layers=2)
    transformers.MambaForCausalLM(mamba).save_pretrained(states)
    damaged = put(made, "org/damaged")
    (damaged / "model.safetensors").write_bytes(b"\0" * 64)
    pieces = put(made, "org/pieces")
    _cut_in_pieces(pieces / "tokenizer.json")
    return {
        "nowhere": (str(made / "nowhere"), ModelNotFound, "There is no folder"),
        "empty": (str(made / "empty"), MissingFile, "has no config.json"),
        "damaged": (str(damaged), CauserieError, "model.safetensors"),
        "other tokens, and no tokenizer": (str(few), UsageError, "has 300 tokens and the model 3072: their tokenizers"),
        "tokens that are no text": (str(pieces), UsageError, "tokenizer"),
        "states": (str(states), Unsupported, "2 layers of this mamba model remember in a state"),
    }


def _cut_in_pieces(path: Path) -> None:
    from tokenizers import Tokenizer, decoders, models

    backend = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2}, unk_token="[UNK]"))
    backend.decoder = decoders.WordPiece()
    backend.save(str(path))


@pytest.fixture(scope="module")
def model() -> Iterator[CausalLM]:
    with load("builtin") as loaded:
        yield loaded


CASES = (
    "nowhere", "empty", "damaged", "other tokens, and no tokenizer", "tokens that are no text", "states"
)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_call_that_names_it_is_refused_and_the_next_one_is_not(
    model: CausalLM, drafts: dict[str, tuple[str, type[CauserieError], str]], case: str
) -> None:
    name, kind, sentence = drafts[case]
    plain = model.generate([[1, 2, 3]], max_new_tokens=4)
    with pytest.raises(kind, match=sentence):
        model.generate([[1, 2, 3]], max_new_tokens=4, assistant_model=name)
    assert not model.has_assistant and not model.step_model.guests
    assert model.generate([[1, 2, 3]], max_new_tokens=4) == plain


@pytest.mark.parametrize("case", CASES)
def test_a_model_that_is_loaded_with_it_goes_on_without(
    drafts: dict[str, tuple[str, type[CauserieError], str]], case: str
) -> None:
    name, _, sentence = drafts[case]
    if case == "tokens that are no text":  # which are translated where nobody asks, if they can be
        sentence = "needs all tokens of a text to make text of one"
    with pytest.warns(DraftWarning, match=f"{name} does not guess for builtin: .*{sentence}"):
        model = load("builtin", draft=name)
    with model:
        assert not model.has_assistant
        assert len(model.generate([[1, 2]], max_new_tokens=3, min_new_tokens=3)[0]) == 5


def test_one_that_needs_more_memory_than_there_is(model: CausalLM, monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(hardware(), memory_free=10**6)
    with monkeypatch.context() as patch, pytest.raises(OutOfMemory, match="cache of the assistant model needs"):
        patch.setattr("causerie.api.drafting.assistant.hardware", lambda: few)
        model.generate([[1, 2]], assistant_model="builtin")
    with monkeypatch.context() as patch, pytest.raises(OutOfMemory, match=r"builtin needs .* are free"):
        patch.setattr("causerie.api.loading.load.hardware", lambda: few)
        model.generate([[1, 2]], assistant_model="builtin")
    assert not model.has_assistant and not model.step_model.guests


def test_a_chat_goes_on_without_it(drafts: dict[str, tuple[str, type[CauserieError], str]]) -> None:
    asked = [sys.executable, "-m", "causerie.cli.main", "chat", "builtin", "-p", "Hello!", "max_new_tokens=8"]
    plain = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=True)
    for case in ("empty", "states"):
        name, _, sentence = drafts[case]
        done = subprocess.run([*asked, "--draft", name], capture_output=True, text=True, timeout=120, check=True)
        assert done.stdout == plain.stdout
        line = done.stderr.splitlines()[0]
        assert len(done.stderr.splitlines()) == 1 + len(plain.stderr.splitlines())
        assert line.startswith(f"causerie: {name} does not guess for builtin: ") and sentence in line
    for flag, sentence in (
        ("num_assistant_tokens=0", "num_assistant_tokens is 0; it must be a whole number of at least 1."),
        ("num_assistant_tokens=10000", "num_assistant_tokens is 10000; it must be at most 1024."),
        ("num_assistant_tokens_schedule=often", "it must be one of 'constant', 'heuristic', 'heuristic_transient'."),
    ):
        done = subprocess.run([*asked, flag], capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stdout) == (2, "") and sentence in done.stderr


def test_a_server_goes_on_without_it(drafts: dict[str, tuple[str, type[CauserieError], str]], tmp_path: Path) -> None:
    name, _, sentence = drafts["empty"]
    with serving(tmp_path, "builtin", "--draft", name) as server:
        assert server.chat("Hello!", max_tokens=4).status_code == 200
        log = (tmp_path / "server.log").read_text()
        assert f"{name} does not guess for builtin: " in log and sentence in log
        _check_depths(server)


def _check_depths(server: Server) -> None:
    for depth in (0, 10_000):
        response = server.chat("Hello!", generation_config={"num_assistant_tokens": depth})
        assert response.status_code == 400, response.text
        error = response.json()["error"]
        assert error["param"] == "generation_config" and f"num_assistant_tokens is {depth}" in error["message"]


def test_an_assistant_that_has_an_assistant(model: CausalLM, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(builtin_model_path(), folder)
    with load(folder, draft="builtin") as other:
        with pytest.raises(UsageError, match="has an assistant model of its own"):
            model.generate([[1, 2]], assistant_model=other)
        assert not model.has_assistant
