"""Models that guess, through the library's doors: a model's own shadow and an assistant model change no answer, and
what cannot guess is refused with a sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from causerie import AutoModelForCausalLM, pipeline
from causerie.api.causal_lm import CausalLM
from causerie.builtin import builtin_model_path
from causerie.engine.speculation.controller import Controller
from causerie.errors import DraftWarning, UnknownName, Unsupported, UsageError
from causerie.loading.shadow import shadow_of
from tests.engine.scripted import Eager
from tests.kernels.decoders import Shape

pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")

PROMPT = "Who are you? Tell me your name, and what you can do for me."
CALLS: dict[str, dict[str, Any]] = {
    "greedy": {},
    "sampled": {"do_sample": True, "temperature": 0.8, "seed": 3, "num_return_sequences": 3},
    "penalties": {"do_sample": True, "seed": 5, "repetition_penalty": 1.1, "frequency_penalty": 0.2},
    "a form": {"response_format": {"type": "json_object"}},
    "bounded": {"num_assistant_tokens": 2, "assistant_confidence_threshold": 0.6},
}


def load(name: str | Path = "builtin", **options: Any) -> CausalLM:
    return AutoModelForCausalLM.from_pretrained(name, progress=False, **options)


@pytest.fixture(scope="module")
def shadowed() -> Iterator[CausalLM]:
    with load(speculation="shadow") as model:
        yield model


@pytest.fixture
def eagerly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("turn", "depths", "survivals", "pause", "spends", "prospect"):
        monkeypatch.setattr(Controller, name, getattr(Eager, name))


def counts(model: CausalLM, drafter: str) -> tuple[int, int]:
    """Tokens that it proposed and that were checked, and that were right, so far."""
    count = next(each for each in model.engine_stats().drafts if each.drafter == drafter)
    return count.drafted, count.accepted


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("call", CALLS)
def test_answers_are_those_without_a_shadow(shadowed: CausalLM, call: str) -> None:
    ids = shadowed.tokenizer(PROMPT)["input_ids"]
    flags = {"num_assistant_tokens": 4, **CALLS[call], "max_new_tokens": 40}
    plain = shadowed.generate([ids, ids[:9]], speculation="off", **flags)
    before = counts(shadowed, "shadow")
    assert shadowed.generate([ids, ids[:9]], speculation="shadow", **flags) == plain
    drafted, accepted = (now - then for now, then in zip(counts(shadowed, "shadow"), before, strict=True))
    assert drafted and (accepted > 0.5 * drafted or call == "a form")


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("call", CALLS)
def test_answers_are_those_without_an_assistant(shadowed: CausalLM, call: str) -> None:
    ids = shadowed.tokenizer(PROMPT)["input_ids"]
    flags = {"num_assistant_tokens": 4, **CALLS[call], "max_new_tokens": 40}
    plain = shadowed.generate([ids, ids[:9]], speculation="off", **flags)
    with load(quantization="int8") as assistant:
        assert shadowed.generate([ids, ids[:9]], assistant_model=assistant, **flags) == plain
        drafted, accepted = counts(shadowed, "draft")
        assert drafted and (accepted > 0.5 * drafted or call == "a form")
        assert shadowed.generate([ids, ids[:9]], **flags) == plain
    assert shadowed.generate([ids, ids[:9]], assistant_model=assistant, **flags) == plain  # closed; its weights are not
    assert len(shadowed.step_model.guests) == 1


@pytest.mark.usefixtures("eagerly")
def test_a_confident_guess_is_followed_by_another_and_no_more_than_are_let(shadowed: CausalLM) -> None:
    ids = shadowed.tokenizer(PROMPT)["input_ids"]
    for threshold, most in ((1.0, 1), (0.0, 3)):
        asked: list[int] = []
        drafters = shadowed._engine._engine._drafts._drafters  # type: ignore[union-attr]
        (shadow,) = (drafter for drafter in drafters if drafter.name == "shadow")
        propose = shadow.propose

        def noted(asks: Any, propose: Any = propose, asked: list[int] = asked) -> Any:
            drafts = propose(asks)
            asked += [len(draft.tokens) for draft in drafts]
            return drafts

        shadow.propose = noted  # type: ignore[method-assign]
        flags = {"assistant_confidence_threshold": threshold, "num_assistant_tokens": 3, "speculation": "shadow"}
        list(shadowed.stream(ids[:9], max_new_tokens=40, **flags))
        shadow.propose = propose  # type: ignore[method-assign]
        assert max(asked) == most


def test_a_pipeline_has_an_assistant() -> None:
    chat = [{"role": "user", "content": PROMPT}]
    with load() as model:
        plain = pipeline(model=model)(chat, max_new_tokens=24, do_sample=False)
        pipe = pipeline(model=model, assistant_model="builtin")
        assert pipe(chat, max_new_tokens=24, do_sample=False) == plain
        assert model.has_assistant
        with pytest.raises(UsageError, match="assistant model of its own"), load() as other:
            other.generate([[1, 2]], assistant_model=model)


def test_what_cannot_guess_is_refused(tmp_path: Path) -> None:
    folder = Path(builtin_model_path())
    with load() as model:
        with pytest.raises(UnknownName, match="Unknown drafter 'shadow'"):
            model.generate([[1, 2]], speculation="shadow")
        with pytest.raises(UsageError, match="cannot be its own assistant_model"):
            model.generate([[1, 2]], assistant_model=model)
        with pytest.raises(UsageError, match="expected a model that AutoModelForCausalLM loaded, a folder or an id"):
            model.generate([[1, 2]], assistant_model=3)
        with pytest.raises(UsageError, match="assistant_model would do nothing"):
            model.generate([[1, 2]], assistant_model="builtin", speculation="off")
        with pytest.raises(UsageError, match="num_assistant_tokens is 0"):
            model.generate([[1, 2]], num_assistant_tokens=0)
        with pytest.raises(UsageError, match="num_assistant_tokens is 10000"):
            model.generate([[1, 2]], num_assistant_tokens=10_000)
        other = tmp_path / "other"
        shutil.copytree(folder, other)
        vocab = json.loads((other / "tokenizer.json").read_text())
        names = vocab["model"]["vocab"]
        first, second = sorted(names, key=names.get)[1000:1002]
        names[first], names[second] = names[second], names[first]
        (other / "tokenizer.json").write_text(json.dumps(vocab))
        with pytest.raises(UsageError, match=r"Token \d+ is '.*' to the assistant model and '.*' to the model"):
            model.generate([[1, 2]], assistant_model=other)
        with (
            pytest.raises(Unsupported, match="Only the native backend runs one model beside another"),
            load(backend="torch", dtype="float32") as torch,
        ):
            model.generate([[1, 2]], assistant_model=torch)
        assert not model.has_assistant and not model.step_model.guests


def test_a_shadow_that_cannot_be_is_refused() -> None:
    with pytest.raises(Unsupported, match="hardly faster"):
        load(speculation="shadow", quantization="int4")
    with pytest.raises(Unsupported, match="3 layers of this test model keep a state there that cannot be taken back"):
        shadow_of(Shape(taps=3, layers=5).decoder(), (), {})
    with pytest.raises(Unsupported, match="native backend"):
        load(speculation="shadow", backend="torch", dtype="float32")


def test_where_a_draft_cannot_guess_the_model_goes_on_without() -> None:
    with pytest.warns(DraftWarning, match=r"builtin does not guess for builtin: Only the native backend"):
        model = load(draft="builtin", backend="torch", dtype="float32")
    assert len(model.generate([[1, 2]], max_new_tokens=3, min_new_tokens=3)[0]) == 5 and not model.has_assistant
    model.close()
    with load(draft="builtin", quantization="int8") as other:
        assert other.has_assistant
    with pytest.raises(UsageError, match="draft would do nothing"):
        load(draft="builtin", speculation="off")
