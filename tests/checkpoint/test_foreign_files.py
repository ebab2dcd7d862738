"""What is no model of ours where one is expected says what it is and what to do: pointers, adapters, GGUF."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from causerie import AutoModelForCausalLM, AutoTokenizer
from causerie.checkpoint.hub import resolve
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.errors import MissingFile, ModelNotFound, Unsupported
from tests.checkpoint.test_hub import away, fetch, model_folder
from tests.hub.fake_hub import running_hub

POINTER = (
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32\nsize 988097824\n"
)
PULL = r"git-LFS pointers in place of model\.safetensors, tokenizer\.json: .*`git lfs pull`.*by its hub id"


def test_git_lfs_pointers_are_told_all_at_once(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    for name in ("model.safetensors", "tokenizer.json", "pytorch_model.bin"):
        (folder / name).write_text(POINTER)
    for load in (AutoModelForCausalLM.from_pretrained, AutoTokenizer.from_pretrained):
        with pytest.raises(MissingFile, match=PULL):
            load(folder)
    assert resolve(folder, needs=("config",)) == folder  # what is whole can be used


@pytest.mark.parametrize("name", ["config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors"])
def test_a_git_lfs_pointer_in_place_of_any_file(tmp_path: Path, name: str) -> None:
    folder = model_folder(tmp_path / "model")
    (folder / name).write_text(POINTER)
    with pytest.raises(MissingFile, match=rf"git-LFS pointers in place of {name}: .*git lfs pull"):
        resolve(folder)


def test_a_git_lfs_pointer_is_no_damaged_header(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_text(POINTER)
    with pytest.raises(MissingFile, match="git lfs pull"):
        SafetensorsIndex.open(tmp_path)


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "Qwen/Qwen2.5-0.5B-Instruct"}))
    (folder / "adapter_model.safetensors").write_bytes(b"")
    (folder / "tokenizer.json").write_text("{}")
    return folder


@pytest.mark.parametrize("config", [False, True], ids=["", "with config.json"])
def test_a_lora_folder_names_its_base_model_and_how_to_merge(adapter: Path, config: bool) -> None:
    if config:
        (adapter / "config.json").write_text("{}")
    with pytest.raises(Unsupported, match=r"adapter \(LoRA\).*Qwen/Qwen2\.5-0\.5B-Instruct.*merge_and_unload\(\)"):
        AutoModelForCausalLM.from_pretrained(adapter)
    assert resolve(adapter, needs=("tokenizer",)) == adapter


def test_a_lora_names_the_model_it_was_made_from(tmp_path: Path) -> None:
    with running_hub() as hub:
        files = {"adapter_config.json": b"{}", "adapter_model.bin": b"x"}
        hub.add("org/lora", files, cardData={"base_model": "org/whole"})
        with pytest.raises(Unsupported, match=r"org/lora is .*adapter .LoRA.*org/whole.*merge"):
            fetch(hub, tmp_path / "cache", "org/lora")
        assert hub.served == []


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "42"}, "Wait 42 s"),
        ({"RateLimit": '"api";r=0;t=57'}, "Wait 57 s"),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, "Wait some minutes"),
        ({}, "Wait some minutes"),
    ],
    ids=str,
)
def test_a_hub_that_limits_its_rate_says_how_long_to_wait(
    headers: dict[str, str], wait: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("causerie.hub.patience._FIRST_WAIT", 0.0)
    with running_hub() as hub:
        hub.fault = lambda exchange: exchange.answer(429, headers=headers)
        with pytest.raises(
            ModelNotFound, match=rf"answered 429: .*too often.*{wait}, then.*`hf auth login`"
        ) as refused:
            fetch(hub, tmp_path / "cache")
        assert "cannot be reached" not in str(refused.value)


def test_a_hub_that_limits_its_rate_is_not_needed_for_what_is_in_the_cache(tmp_path: Path) -> None:
    whole = {"config.json": b"{}", "tokenizer.json": b"{}"}
    with running_hub() as hub:
        hub.add("org/model", whole)
        folder = fetch(hub, tmp_path / "cache", needs=("config", "tokenizer"))
        hub.fault = away(429)
        assert fetch(hub, tmp_path / "cache", needs=("config", "tokenizer")) == folder
