"""A head in a GGUF file of its own through the library's doors: named, or found beside its model; no answer changes by
it, and one of another model is told and left alone."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from causerie import AutoModelForCausalLM
from causerie.api.causal_lm import CausalLM
from causerie.api.drafting import draft_checkpoint
from causerie.api.fit.inspection import inspect
from causerie.engine.speculation.controller import Controller
from causerie.errors import DraftNotice, DraftWarning, OutOfMemory, UsageError
from causerie.plan.hardware import Hardware
from tests.engine.scripted import Eager
from tests.parity.gguf_file import in_eight_bits, write_gguf
from tests.parity.harness import plain_tokens
from tests.parity.test_gguf_heads import of_recipe
from tests.parity.test_lone_heads import apart

pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")

PROMPTS = [plain_tokens(41, 4), plain_tokens(7, 2)]
PLAIN = np.zeros(8, np.float32)
FLAGS: dict[str, Any] = {"max_new_tokens": 24, "num_assistant_tokens": 4}
Files = tuple[Path, Path, Path]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """All in one, a model without its head, and the head."""
    folder = tmp_path_factory.mktemp("files")
    made = of_recipe("qwen35-head", folder / "checkpoint")
    return apart(folder, made.recipe.metadata, in_eight_bits(made.tensors)[0])


@pytest.fixture
def plain_files(tmp_path: Path) -> Iterator[Files]:
    """The same of plain numbers, for torch, which gets one thread."""
    made, threads = of_recipe("qwen35-head", tmp_path / "checkpoint"), torch.get_num_threads()
    torch.set_num_threads(1)
    yield apart(tmp_path, made.recipe.metadata, made.tensors)
    torch.set_num_threads(threads)


@pytest.fixture
def eagerly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("turn", "depths", "survivals", "pause", "spends", "prospect"):
        monkeypatch.setattr(Controller, name, getattr(Eager, name))


def load(file: Path, **options: Any) -> CausalLM:
    options = options if options.get("backend") == "torch" else {"threads": 1} | options
    return AutoModelForCausalLM.from_pretrained(file, progress=False, **options)


def guessed(model: CausalLM) -> tuple[int, int] | None:
    """How many tokens the head has guessed, and how many of them came."""
    drafts = model.engine_stats().drafts
    return next(((each.drafted, each.accepted) for each in drafts if each.drafter == "mtp"), None)


@pytest.mark.usefixtures("eagerly")
def test_a_named_one_guesses_as_inside_of_the_model(files: Files) -> None:
    whole, trunk, head = files
    mtp = {"speculation": "mtp"}
    with load(whole, **mtp) as inside:
        guess = inside.generate(PROMPTS, **mtp, **FLAGS)
        expected, plain = guessed(inside), inside.generate(PROMPTS, speculation="off", **FLAGS)
        assert guess == plain
        with pytest.raises(UsageError, match="holds a head to guess with already"):
            inside.assist(str(head))
    assert expected is not None and expected[0] > 30
    with load(trunk) as model:
        assert guessed(model) is None
        model.assist(str(head), unasked=False)
        assert model.generate(PROMPTS, **mtp, **FLAGS) == plain
        assert guessed(model) == expected and model.has_assistant and len(model.step_model.guests) == 1
        sampled = {"do_sample": True, "seed": 3, "repetition_penalty": 1.2}
        alone = model.generate(PROMPTS, speculation="off", **sampled, **FLAGS)
        assert model.generate(PROMPTS, assistant_model=head, **mtp, **sampled, **FLAGS) == alone
    with load(trunk, draft=str(head)) as model:
        assert "mtp" in model.drafters and model.generate(PROMPTS, **FLAGS) == plain


@pytest.mark.usefixtures("eagerly")
def test_on_torch_it_guesses_too(plain_files: Files) -> None:
    _, trunk, head = plain_files
    flags = FLAGS | {"max_new_tokens": 8}
    with load(trunk, draft=str(head), backend="torch") as model:
        plain = model.generate(PROMPTS, speculation="off", **flags)
        assert model.generate(PROMPTS, **flags) == plain
        made = guessed(model)
        assert model.drafters == ("mtp",) and made is not None and made[0] > 5


def test_it_is_found_beside_its_model_and_said(files: Files) -> None:
    whole, trunk, _ = files
    with pytest.warns(DraftNotice, match=r"^mtp-Tiny-F32\.gguf lies beside the model and is a head .*--draft none"):
        model = load(trunk, draft="auto")
    report = inspect(str(trunk))
    with model:
        assert "mtp" in model.drafters and guessed(model) == (0, 0)
        held = model.step_model.guests[0].weight_bytes  # with what kernels pad rows to
        assert 0.8 * held < report.drafters["mtp"] <= held
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for file, options in ((trunk, {}), (trunk, {"draft": "none"}), (whole, {"draft": "auto"})):
            with load(file, **options) as other:
                assert not other.has_assistant


def test_one_of_another_model_is_told_and_left(files: Files, tmp_path: Path) -> None:
    other = of_recipe("glm4moe-head", tmp_path / "checkpoint")
    (tmp_path / "other").mkdir()
    *_, wrong = apart(tmp_path / "other", other.recipe.metadata, other.tensors)
    said = r"does not guess for .*: The head does not fit this model: it is of a glm4_moe model, and this is a qwen3_5"
    with pytest.warns(DraftWarning, match=said):
        model = load(files[1], draft=str(wrong))
    with model:
        assert not model.has_assistant and not model.step_model.guests
        with pytest.raises(UsageError, match="Use the head that was made for this very model"):
            model.generate(PROMPTS, assistant_model=wrong, **FLAGS)
        assert len(model.generate([[1, 2]], max_new_tokens=3, min_new_tokens=3)[0]) == 5
    trunk = tmp_path / files[1].name
    trunk.write_bytes(files[1].read_bytes())
    wrong.rename(tmp_path / "mtp-Tiny-Q8_0.gguf")
    with pytest.warns(DraftWarning, match=r"mtp-Tiny-Q8_0\.gguf lies beside the model and does not guess for it: .*"):
        model = load(trunk, draft="auto")
    with model:
        assert not model.has_assistant
    write_gguf(tmp_path / "mtp-Tiny-Q8_0.gguf", {"general.architecture": "llama"}, {"output_norm.weight": PLAIN})
    with pytest.warns(DraftWarning, match=r"does not guess for it: .*lacks tensor 'token_embd.weight'"):
        load(trunk, draft="auto").close()


def test_one_that_finds_no_memory_is_refused(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    with load(files[1]) as model:
        free = Hardware(**{**vars(draft_checkpoint.hardware()), "memory_free": 10**3})
        monkeypatch.setattr(draft_checkpoint, "hardware", lambda: free)
        with pytest.raises(OutOfMemory, match=r"The head needs 0.00 GB and its cache .* 0.00 GB are free"):
            model.assist(str(files[2]))
        assert not model.has_assistant


def test_it_cannot_answer_by_itself(files: Files) -> None:
    with pytest.raises(UsageError, match=r"holds only the head of a model, .*assistant_model \(--draft\)"):
        load(files[2])
