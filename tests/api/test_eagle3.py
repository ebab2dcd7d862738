"""EAGLE3 heads through the library's doors: no answer changes by one, whoever else guesses besides or before, and what
cannot guess is refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from causerie import pipeline
from causerie.api.causal_lm import CausalLM
from causerie.api.drafting import draft_checkpoint
from causerie.engine.speculation.controller import Controller
from causerie.errors import DraftWarning, MissingFile, OutOfMemory, Unsupported, UsageError
from tests.api.test_assistants import CALLS, PROMPT, counts, load
from tests.engine.scripted import Eager
from tests.parity.eagle3 import HeadCase

pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")

OWN = HeadCase("own", 256, layer={"vocab_size": 3072}, guessed=1000)
SHARED = HeadCase(
    "shared", 256, layer={"vocab_size": 3072, "hidden_size": 256, "head_dim": 64}, guessed=3072, speculators=True,
    embeds=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("heads")
    return {case.name: case.save(folder / case.name) for case in (OWN, SHARED)}


@pytest.fixture(scope="module", params=["bfloat16", "int8", "torch"])
def model(request: pytest.FixtureRequest) -> Iterator[CausalLM]:
    options: dict[str, dict[str, Any]] = {
        "bfloat16": {},
        "int8": {"quantization": "int8"},
        "torch": {"backend": "torch", "dtype": "float32"},
    }
    with load(**options[request.param]) as made:
        yield made


@pytest.fixture
def eagerly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("turn", "depths", "survivals", "pause", "spends", "prospect"):
        monkeypatch.setattr(Controller, name, getattr(Eager, name))


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("call", CALLS)
def test_answers_are_those_without_a_head(model: CausalLM, heads: dict[str, Path], call: str) -> None:
    ids = model.tokenizer(PROMPT)["input_ids"]
    flags = {"num_assistant_tokens": 4, **CALLS[call], "max_new_tokens": 30}
    plain = model.generate([ids, ids[:9]], speculation="off", **flags)
    for folder in heads.values():
        assert model.generate([ids, ids[:9]], assistant_model=folder, **flags) == plain
        assert counts(model, "eagle3")[0] > 20
    assert len(model.step_model.guests) == 1


@pytest.mark.usefixtures("eagerly")
def test_an_assistant_takes_the_place_of_the_one_before(heads: dict[str, Path]) -> None:
    """Each for a prompt of its own, as what was answered once is guessed by who remembers it."""
    with load() as model:
        ids = model.tokenizer(PROMPT)["input_ids"]
        flags = {"num_assistant_tokens": 4, "max_new_tokens": 20}
        assistants = (("builtin", "draft"), (heads["own"], "eagle3"), ("builtin", "draft"), (heads["shared"], "eagle3"))
        for number, (assistant, name) in enumerate(assistants):
            prompt = ids[number : number + 9]
            plain = model.generate([prompt], speculation="off", **flags)
            if number < 3:
                assert model.generate([prompt], assistant_model=assistant, **flags) == plain
            else:
                model.assist(assistant)
                assert model.generate([prompt], **flags) == plain
            assert counts(model, name)[0]
            assert [each.drafter for each in model.engine_stats().drafts] == ["lookup", "chats", name]
            assert len(model.step_model.guests) == 1


def test_a_pipeline_and_a_loaded_model_have_a_head(heads: dict[str, Path]) -> None:
    chat = [{"role": "user", "content": PROMPT}]
    with load(draft=str(heads["own"])) as model:
        assert model.has_assistant
        pipe = pipeline(model=model, assistant_model=heads["shared"])
        answer = pipe(chat, max_new_tokens=24, do_sample=False)
        assert answer == pipe(chat, max_new_tokens=24, do_sample=False, speculation="off")


def test_what_cannot_guess_is_refused(heads: dict[str, Path], tmp_path: Path) -> None:
    other = HeadCase("other", 64, layer={"vocab_size": 3000}).save(tmp_path / "other")
    with pytest.warns(DraftWarning, match=r"other does not guess for builtin: The EAGLE3 head does not fit.*3000 toke"):
        model = load(draft=str(other))
    assert not model.has_assistant and not model.step_model.guests
    older = OWN.save(tmp_path / "older")
    tensors = load_file(older / "model.safetensors")
    config = json.loads((older / "config.json").read_text()) | {"architectures": ["LlamaForCausalLM"]}
    (older / "config.json").write_text(json.dumps(config))
    kept = {name: each for name, each in tensors.items() if name not in ("d2t", "t2d", "midlayer.hidden_norm.weight")}
    kept["layers.0.self_attn.q_proj.weight"] = torch.zeros(48, 48)
    save_file(kept, older / "model.safetensors")
    with pytest.raises(Unsupported, match="a head of EAGLE or EAGLE-2"):
        model.generate([[1, 2]], assistant_model=older)
    with pytest.raises(UsageError, match="is an EAGLE3 head, which guesses for another model and cannot answer"):
        load(heads["own"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingFile):
        model.assist(tmp_path / "empty")
    assert len(model.generate([[1, 2]], max_new_tokens=3, min_new_tokens=3)[0]) == 5 and not model.has_assistant
    model.close()


def test_a_head_that_finds_no_memory_is_refused(heads: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    with load() as model:
        free = replace(draft_checkpoint.hardware(), memory_free=10**6)
        monkeypatch.setattr(draft_checkpoint, "hardware", lambda: free)
        with pytest.raises(OutOfMemory, match=r"The EAGLE3 head needs 0.00 GB and its cache .* 0.00 GB are free"):
            model.assist(heads["own"])
        assert not model.has_assistant and not model.step_model.guests
