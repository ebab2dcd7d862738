"""A draft model with other tokens, through the library's doors: it changes no answer, its guesses are those of the same
model with the same tokens, and both tokenizers are asked for together, as in transformers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from causerie import AutoModelForCausalLM, AutoTokenizer, pipeline
from causerie.api.causal_lm import CausalLM
from causerie.builtin import builtin_model_path
from causerie.errors import UsageError
from tests.api.relabelled import relabelled
from tests.api.test_assistants import CALLS, PROMPT, counts, eagerly, load

pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")
__all__ = ["eagerly"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return relabelled(tmp_path_factory.mktemp("other") / "model", seed=1)


@pytest.fixture(scope="module")
def model() -> Iterator[CausalLM]:
    with load() as loaded:
        loaded.generate([[1, 2]], assistant_model="builtin", max_new_tokens=2)  # one that others take the place of
        yield loaded


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("call", CALLS)
def test_answers_are_those_without(model: CausalLM, folder: Path, call: str) -> None:
    chat = [{"role": "user", "content": PROMPT}]
    ids = model.tokenizer.apply_chat_template(chat, add_generation_prompt=True)["input_ids"]
    flags = {"num_assistant_tokens": 4, **CALLS[call], "max_new_tokens": 40}
    plain = model.generate([ids, ids[:9]], speculation="off", **flags)
    tokenizers = {"tokenizer": model.tokenizer, "assistant_tokenizer": AutoTokenizer.from_pretrained(folder)}
    with load(folder) as assistant:
        assert model.generate([ids, ids[:9]], assistant_model=assistant, **tokenizers, **flags) == plain
    drafted, accepted = counts(model, "draft")
    assert drafted and (accepted > 0.3 * drafted or call == "a form")
    assert len(model.step_model.guests) == 1


@pytest.mark.usefixtures("eagerly")
def test_guesses_are_right_as_often_as_those_in_the_same_tokens(folder: Path, tmp_path: Path) -> None:
    same = relabelled(tmp_path / "model", unjoined=0)
    shares = []
    for name in (same, folder):
        with load(draft=str(name)) as model:
            chat = pipeline(model=model)
            for question in (PROMPT, "Tell me a story about a cat — «Ünïcode» 🎉."):
                chat(
                    [{"role": "user", "content": question}], max_new_tokens=120, do_sample=False, num_assistant_tokens=5
                )
            drafted, accepted = counts(model, "draft")
            shares.append(accepted / drafted)
    assert shares[0] > 0.95, "the same weights over the same tokens"
    assert shares[1] > 0.9 * shares[0]


def test_a_draft_is_translated_without_being_asked(folder: Path) -> None:
    chat = [{"role": "user", "content": PROMPT}]
    with load() as model:
        plain = pipeline(model=model)(chat, max_new_tokens=24, do_sample=False)
        pipe = pipeline(model=model, assistant_model=folder)
        assert pipe(chat, max_new_tokens=24, do_sample=False) == plain
        pipe = pipeline(model=model, assistant_model=folder, assistant_tokenizer=folder)
        assert pipe(chat, max_new_tokens=24, do_sample=False) == plain
        with pytest.raises(UsageError, match="there is none"):
            pipeline(model=model, assistant_tokenizer=folder)
    with load(draft=str(folder)) as model:
        assert model.has_assistant


def test_both_tokenizers_are_asked_for_together(model: CausalLM, folder: Path) -> None:
    own, other = model.tokenizer, AutoTokenizer.from_pretrained(folder)
    for flags, sentence in (
        ({}, r"their tokenizers differ. Pass both of them"),
        ({"tokenizer": own}, r"their tokenizers differ. Pass both of them"),
        ({"assistant_tokenizer": other}, "pass that too, as tokenizer=…"),
        ({"tokenizer": own, "assistant_tokenizer": own}, "nothing is to be translated"),
        ({"tokenizer": own, "assistant_tokenizer": 3}, "The tokenizer is builtins.int"),
    ):
        with pytest.raises(UsageError, match=sentence):
            model.generate([[1, 2]], assistant_model=folder, **flags)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="there is none"):
        model.generate([[1, 2]], assistant_tokenizer=other)
    with pytest.raises(UsageError, match="pass both, or neither"):
        model.assist(folder, tokenizer=own)
    with load(folder) as assistant:
        both = {"tokenizer": own, "assistant_tokenizer": other}
        model.generate([[1, 2]], assistant_model=assistant, max_new_tokens=2, **both)
        with pytest.raises(UsageError, match="Pass both of them"):
            model.generate([[1, 2]], assistant_model=assistant, max_new_tokens=2)


@pytest.mark.usefixtures("eagerly")
def test_greedy_text_is_that_of_transformers(folder: Path) -> None:
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    builtin = builtin_model_path()
    theirs, assistant = (
        transformers.AutoModelForCausalLM.from_pretrained(str(name), dtype=torch.float32) for name in (builtin, folder)
    )
    assistant.config.vocab_size += 1  # which is how transformers tells that tokenizers differ
    tokenizers: dict[str, Any] = {
        "tokenizer": transformers.AutoTokenizer.from_pretrained(str(builtin)),
        "assistant_tokenizer": transformers.AutoTokenizer.from_pretrained(str(folder)),
    }
    chat = [{"role": "user", "content": PROMPT}]
    ids = tokenizers["tokenizer"].apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt")[
        "input_ids"
    ]
    flags = {"max_new_tokens": 40, "do_sample": False}
    expected = theirs.generate(ids, assistant_model=assistant, **tokenizers, **flags)
    with AutoModelForCausalLM.from_pretrained("builtin", dtype="float32", progress=False) as model:
        ours: dict[str, Any] = {
            "tokenizer": model.tokenizer,
            "assistant_tokenizer": AutoTokenizer.from_pretrained(folder),
        }
        given = model.generate(ids, assistant_model=folder, **ours, **flags)
        assert torch.is_tensor(given) and given.tolist() == expected.tolist()
        assert counts(model, "draft")[0] > 0
