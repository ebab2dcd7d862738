"""`save_pretrained` of a tokenizer: transformers and we load from the folder what was saved, with what was changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer
from causerie.errors import CheckpointError, UnknownName, Unsupported, UsageError

from .conftest import CHATML, byte_level, save

TEXTS = ["Hello, world!", "<|im_start|>user\nnaïve café<|im_end|>", "a<think>b</think> 你好 🦙"]
CHAT = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]
NAMES = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")


def theirs(folder: Path) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(str(folder))


def said(tokenizer: Any) -> dict[str, Any]:
    """What a tokenizer does and says of itself, in names that transformers and we share."""
    ids = [tokenizer(text)["input_ids"] for text in TEXTS]
    return {
        "ids": ids,
        "texts": [tokenizer.decode(row, skip_special_tokens=skip) for row in ids for skip in (False, True)],
        "named": {name: getattr(tokenizer, name) for name in NAMES},
        "added": tokenizer.get_added_vocab(),
        "sides": (tokenizer.padding_side, tokenizer.truncation_side),
        "length": tokenizer.model_max_length,
        "template": tokenizer.chat_template,
        "inputs": list(tokenizer.model_input_names),
    }


@pytest.mark.parametrize("name", ["small", "spm", "qwen"])
def test_what_is_saved_is_loaded_again(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    ours = ChatTokenizer.from_folder(request.getfixturevalue(name))
    paths = ours.save_pretrained(tmp_path / "new" / "folder")
    assert {Path(path).relative_to(tmp_path / "new" / "folder").as_posix() for path in paths} == {
        file.relative_to(tmp_path / "new" / "folder").as_posix() for file in (tmp_path / "new").rglob("*.j*")
    }
    assert said(ChatTokenizer.from_folder(tmp_path / "new" / "folder")) == said(ours)
    assert said(theirs(tmp_path / "new" / "folder")) == said(ours)


def test_what_was_changed_is_saved(small: Path, tmp_path: Path) -> None:
    ours = ChatTokenizer.from_folder(small)
    ours.pad_token = ours.eos_token
    ours.eos_token = None
    ours.bos_token = "<|im_start|>"
    ours.padding_side, ours.truncation_side, ours.model_max_length = "left", "left", 17
    ours.chat_template = {"default": "{{ messages[0].content }}\n", "rag": "x"}
    ours.save_pretrained(tmp_path)
    for again in (ChatTokenizer.from_folder(tmp_path), theirs(tmp_path)):
        assert said(again) == said(ours)
        assert again.eos_token is None and again.pad_token == "<|im_end|>" and again.padding_side == "left"
        text = again.apply_chat_template(CHAT, tokenize=False)
        assert text == ours.apply_chat_template(CHAT, tokenize=False)


def test_older_files_that_lie_beside_change_nothing(tmp_path: Path) -> None:
    older = save(
        tmp_path / "older",
        byte_level(),
        {"chat_template": CHATML},
        special_tokens_map={"pad_token": "<|im_start|>", "eos_token": "<|im_end|>"},
        added_tokens={"<|more|>": 403},
    )
    ours = ChatTokenizer.from_folder(older)
    assert ours.pad_token == "<|im_start|>" and "<|more|>" in ours.get_added_vocab()
    ours.pad_token = "<|end|>"
    target = tmp_path / "target"
    shutil.copytree(older, target)
    ours.save_pretrained(target)
    for again in (ChatTokenizer.from_folder(target), theirs(target)):
        assert again.pad_token == "<|end|>" and said(again) == said(ours)


def test_a_class_that_has_defaults_keeps_what_was_forgotten(tmp_path: Path) -> None:
    config = {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>"}
    ours = ChatTokenizer.from_folder(save(tmp_path / "from", byte_level(("<|im_end|>", "<|endoftext|>")), config))
    assert ours.pad_token == "<|endoftext|>"
    ours.pad_token = None
    ours.save_pretrained(tmp_path / "to")
    assert ChatTokenizer.from_folder(tmp_path / "to").pad_token is None


def test_what_cannot_be_saved(small: Path, tmp_path: Path) -> None:
    ours = ChatTokenizer.from_folder(small)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        ours.save_pretrained(tmp_path / "file")
    with pytest.raises(CheckpointError, match="cannot be written"):
        ours.save_pretrained(tmp_path / "file" / "below")
    with pytest.raises(Unsupported, match="hf upload"):
        ours.save_pretrained(tmp_path, push_to_hub=True)
    with pytest.raises(UnknownName, match="save_directory"):
        ours.save_pretrained(tmp_path, directory="x")
    ours.save_pretrained(tmp_path / "asked in vain", legacy_format=False, save_jinja_files=True, push_to_hub=False)
    ours.chat_template = {"default": CHATML, "../../out": "x"}
    with pytest.raises(UsageError, match=r"'\.\./\.\./out' needs a name"):
        ours.save_pretrained(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_tokens_that_are_there_can_be_named_and_new_ones_are_refused(small: Path) -> None:
    ours, reference = ChatTokenizer.from_folder(small), theirs(small)
    for changes in ({"pad_token": "<|im_start|>"}, {"bos_token": "<|end|>", "sep_token": "<|end|>"}, {}):
        assert ours.add_special_tokens(changes) == reference.add_special_tokens(changes) == 0
        assert said(ours) == said(reference)
    assert ours.add_tokens(["<think>", "</think>"]) == 0
    assert ours.add_tokens("<|end|>", special_tokens=True) == 0
    for call in (
        lambda: ours.add_tokens("<new>"),
        lambda: ours.add_tokens(["<think>", "<new>"]),
        lambda: ours.add_tokens("<think>", special_tokens=True),
        lambda: ours.add_special_tokens({"pad_token": "[PAD]"}),
        lambda: ours.add_special_tokens({"additional_special_tokens": ["<new>"]}),
        lambda: ours.add_special_tokens({"additional_special_tokens": ["<|end|>"]}),
    ):
        before = json.dumps(said(ours))
        with pytest.raises(Unsupported):
            call()
        assert json.dumps(said(ours)) == before
    with pytest.raises(UnknownName, match="pad_token"):
        ours.add_special_tokens({"padding_token": "<|end|>"})
