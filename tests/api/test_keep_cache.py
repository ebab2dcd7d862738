"""keep_cache: a model that is loaded again goes on where it was, and takes nobody else's cache for its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from causerie import AutoModelForCausalLM, builtin_model_path
from causerie.api.loading.kept_cache import kept_bytes
from causerie.cli.verbs import info
from causerie.errors import Unsupported
from causerie.settings import Settings

PROMPT = list(range(40, 240))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAUSERIE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def answer(name: str, prompt: list[int], **options: Any) -> tuple[list[int], int]:
    """The answer, and how many tokens of the prompt were there already."""
    with AutoModelForCausalLM.from_pretrained(name, progress=False, keep_cache=100_000_000, **options) as model:
        events = list(model.stream(prompt, max_new_tokens=8, do_sample=False))
    assert events[-1].stats is not None
    return [event.token for event in events if event.token is not None], events[-1].stats.cached_tokens


def test_only_the_same_model_held_in_the_same_way_goes_on(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(builtin_model_path(), folder)
    said, _ = answer(str(folder), PROMPT)
    prompt = PROMPT + said + [7]
    with AutoModelForCausalLM.from_pretrained(str(folder), progress=False) as model:
        expected = [event.token for event in model.stream(prompt, max_new_tokens=8, do_sample=False)]
    again = answer(str(folder), prompt)
    assert again[0] == expected and again[1] >= len(PROMPT)
    moved = folder.rename(tmp_path / "elsewhere")
    assert answer(str(moved), prompt)[1] >= len(PROMPT)  # it is the same, wherever it lies
    for options in ({"quantization": "int8"}, {"cache_dtype": "float32"}, {"dtype": "float32"}):
        assert answer(str(moved), prompt, **options)[1] == 0
    weights = moved / "model.safetensors"
    weights.write_bytes(weights.read_bytes())  # written anew: nobody has read whether it is as it was
    assert answer(str(moved), prompt)[1] == 0
    assert 0 < kept_bytes(Settings(cache_folder=str(cache))) < 100_000_000
    assert "of chats with --keep-cache" in info.as_lines(info.gather(Settings(cache_folder=str(cache))))


def test_a_backend_whose_cache_cannot_be_kept_says_so() -> None:
    pytest.importorskip("torch")
    with pytest.raises(Unsupported, match="--keep-cache"):
        AutoModelForCausalLM.from_pretrained("builtin", backend="torch", keep_cache=1000, progress=False)
