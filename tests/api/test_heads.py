"""Checkpoints that ship a head to guess tokens with, through the library's doors: it is held by itself, changes no
answer, goes where the model's weights go, and can be left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie import AutoModelForCausalLM
from causerie.api.causal_lm import CausalLM
from causerie.api.fit.inspection import inspect
from causerie.api.loading import load as loading
from causerie.api.loading.preparing import prepare_model
from causerie.api.options.load_options import LoadOptions
from causerie.engine.speculation.controller import Controller
from causerie.errors import UnknownName, Unsupported
from causerie.plan.fit import PROCESS_BYTES, working_bytes
from causerie.quant.config import QuantConfig
from tests.engine.scripted import Eager
from tests.parity.cases import CASES
from tests.parity.draft_heads import head_logits, save_with_head
from tests.parity.harness import plain_tokens, save_case

pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")

FAMILIES = ("qwen3_5_text", "qwen3_next", "glm4_moe", "deepseek_v3", "mimo_v2_flash, three", "nemotron_h")
PROMPTS = [plain_tokens(60, 1), plain_tokens(7, 2), plain_tokens(33, 3)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("heads")
    for family in FAMILIES:
        save_with_head(family, root / family)
    return {family: root / family for family in FAMILIES}


@pytest.fixture
def eagerly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("turn", "depths", "survivals", "pause", "spends", "prospect"):
        monkeypatch.setattr(Controller, name, getattr(Eager, name))


def load(folder: Path, **options: Any) -> CausalLM:
    if options.get("backend") != "torch":
        options = {"threads": 1} | options
    return AutoModelForCausalLM.from_pretrained(folder, progress=False, **options)


def answers(model: CausalLM, **flags: Any) -> Sequence[Any]:
    flags = {"max_new_tokens": 16, "num_assistant_tokens": 4} | flags
    return [
        model.generate(PROMPTS, **flags),
        model.generate(PROMPTS, do_sample=True, seed=3, repetition_penalty=1.2, **flags),
    ]


def guesses(model: CausalLM) -> NDArray[np.float32]:
    """Logits of its head."""
    return head_logits(model.step_model, PROMPTS[0])[0]


def drafted(model: CausalLM) -> dict[str, int]:
    return {count.drafter: count.drafted for count in model.engine_stats().drafts}


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("qwen3_5_text", {"speculation": "mtp"}),
        ("qwen3_next", {"dtype": "bfloat16"}),
        ("glm4_moe", {}),
        ("deepseek_v3", {"dtype": "bfloat16"}),
        ("mimo_v2_flash, three", {}),
        ("nemotron_h", {"dtype": "bfloat16"}),
    ],
)
def test_answers_are_those_without_a_head(folders: dict[str, Path], family: str, options: dict[str, Any]) -> None:
    with load(folders[family], **options) as model:
        plain = answers(model, speculation="off")
        assert drafted(model) == {"lookup": 0, "chats": 0, "mtp": 0}
        assert answers(model, speculation="mtp") == plain
        assert drafted(model)["mtp"] > 60
        assert answers(model) == plain
    with load(folders[family], speculation="lookup", dtype=options.get("dtype")) as without:
        assert answers(without) == plain and "mtp" not in drafted(without)
        assert without.get_memory_footprint() < model.get_memory_footprint()
        assert without.read_bytes == model.read_bytes
        with pytest.raises(UnknownName, match="Unknown drafter 'mtp'"):
            answers(without, speculation="mtp")


@pytest.mark.usefixtures("eagerly")
def test_a_head_is_quantized_saved_and_prepared_with_the_rest(folders: dict[str, Path], tmp_path: Path) -> None:
    for family in ("qwen3_5_text", "glm4_moe", "mimo_v2_flash, three", "nemotron_h"):
        for format in ("nf4", None):
            quantization = None if format is None else QuantConfig.named(format)
            with load(folders[family], quantization=format) as model:
                assert model.step_model.draft_head is not None
                plain = answers(model, speculation="off")
                assert answers(model, speculation="mtp") == plain
                expected = guesses(model)
                target = tmp_path / f"{family}-{format}"
                model.save_pretrained(target)
            prepared = tmp_path / f"{family}-{format}-prepared"
            prepare_model(str(folders[family]), prepared, LoadOptions(quantization=quantization), progress=False)
            for folder in (target, prepared):
                with load(folder) as again:
                    assert answers(again, speculation="mtp") == plain
                    np.testing.assert_array_equal(guesses(again), expected)


@pytest.mark.parametrize("memory", [500_000, 100_000_000])
def test_a_model_whose_experts_stay_in_their_file_has_none(
    folders: dict[str, Path], tmp_path: Path, memory: int
) -> None:
    prepared = tmp_path / "prepared"
    prepare_model(str(folders["glm4_moe"]), prepared, LoadOptions(), progress=False)
    with load(prepared) as whole, load(prepared, expert_memory=memory) as model:
        assert model.expert_reads() is not None and list(drafted(model)) == ["lookup", "chats"]
        assert list(drafted(whole)) == ["lookup", "chats", "mtp"]
        assert answers(model) == answers(whole)


def test_a_model_that_has_no_room_beside_it_loads_without(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folders["glm4_moe"]
    with load(folder) as whole:
        without = inspect(str(folder), LoadOptions(speculation="off"))
        free = without.nbytes + without.cache.total(64, 32) + working_bytes(without.spec) - PROCESS_BYTES
        monkeypatch.setattr(loading, "_free_bytes", lambda backend: free)
        with load(folder, max_cache_tokens=64) as model:
            assert list(drafted(model)) == ["lookup", "chats"]
            assert model.generate([[1, 2]], max_new_tokens=5) == whole.generate([[1, 2]], max_new_tokens=5)


def test_an_inspection_counts_it(folders: dict[str, Path]) -> None:
    for family in FAMILIES:
        whole = inspect(str(folders[family]))
        with load(folders[family]) as model:
            without = inspect(str(folders[family]), LoadOptions(speculation="off"))
            (own,) = [part.nbytes for part in whole.parts if part.kind == "draft head"]
            assert whole.nbytes - without.nbytes == own and whole.read_bytes == without.read_bytes
            assert whole.cache.per_token > without.cache.per_token
            assert whole.spec.parameters == without.spec.parameters == model.num_parameters()


def test_on_torch_it_is_asked_only_by_name(folders: dict[str, Path]) -> None:
    with load(folders["qwen3_5_text"], backend="torch") as model:
        assert list(drafted(model)) == ["lookup", "chats"]
        plain = model.generate(PROMPTS, max_new_tokens=12)
    with load(folders["qwen3_5_text"], backend="torch", speculation="mtp") as model:
        assert list(drafted(model)) == ["lookup", "chats", "mtp"]
        assert model.generate(PROMPTS, max_new_tokens=12) == plain


def test_a_checkpoint_without_one_says_so(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.family == "llama")
    with pytest.raises(Unsupported, match="ships no head to guess with"):
        load(save_case(case, tmp_path / "plain"), speculation="mtp")


def test_info_says_that_the_head_guesses(folders: dict[str, Path]) -> None:
    name = str(folders["glm4_moe"])
    report = inspect(name, LoadOptions())
    with load(folders["glm4_moe"]) as model:
        assert [*report.drafters] == ["lookup", "chats", "mtp", "shadow"]
        assert model.drafters == ("lookup", "chats", "mtp") and report.drafters["mtp"] == 0
