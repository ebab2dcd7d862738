"""A draft that is found by itself for a GGUF file, or is one: by the vocabulary in its metadata."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from causerie.api.drafting.draft_search import companion, tokens_digest
from causerie.api.loading.load import open_model
from causerie.api.options.load_options import LoadOptions
from causerie.checkpoint.gguf.index import open_gguf
from causerie.errors import CheckpointError, DraftNotice
from causerie.text.tokens_digest import TokensDigest
from tests.api.conftest import SPECIAL, TEMPLATE
from tests.quant.gguf_models import Twin, tokenizer_entries, write_twins

pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
Make = Callable[..., Twin]


@pytest.fixture(scope="module")
def make(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes files and folders of the same numbers, with the tokenizer of the tiny folder."""
    stored = json.loads((folder / "tokenizer.json").read_text())["model"]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in stored["merges"]]

    def made(layers: int, unjoined: int = 0, tokenizer: bool = True) -> Twin:
        more = tokenizer_entries(stored["vocab"], merges[: len(merges) - unjoined], SPECIAL, TEMPLATE)
        place = tmp_path_factory.mktemp("made")
        twin = write_twins(place, {}, layers=layers, vocab=len(stored["vocab"]), more=more if tokenizer else [])
        for name in TOKENIZER:
            shutil.copy(folder / name, twin.folder)
        return twin

    return made


@pytest.fixture(scope="module")
def big(make: Make) -> Twin:
    return make(10)


def in_cache(cache: Path, name: str) -> Path:
    """The folder of a model in a cache, as huggingface_hub has it."""
    home = cache / f"models--{name.replace('/', '--')}"
    folder = home / "snapshots" / ("a" * 40)
    folder.mkdir(parents=True)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("a" * 40)
    return folder


def put(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)


def test_which_one_is_taken(big: Twin, make: Make, tmp_path: Path) -> None:
    cache, models = tmp_path / "hub", tmp_path / "models"
    with open_model(str(big.file), LoadOptions(), progress=False) as loaded:

        def best() -> str | None:
            made = companion(loaded.step_model, "big", big.file, cache, models)
            return None if made is None else made.name

        put(big.file, models / "big.gguf")
        put(make(3).file, models / "half" / "half.gguf")
        put(make(1, unjoined=20).file, models / "unjoined.gguf")
        put(make(1, tokenizer=False).file, models / "mute.gguf")
        (models / "broken.gguf").write_bytes(b"GGUF" + bytes(20))
        put(make(1).file, models / "mtp-big.gguf")
        (models / "notes").mkdir()
        assert best() is None
        put(make(1).file, models / "several" / "small-Q8_0.gguf")
        put(make(1).file, models / "several" / "other-Q4_0.gguf")
        assert best() == str(models / "several" / "other-Q4_0.gguf")
        shutil.rmtree(models)
        put(make(1).file, in_cache(cache, "org/Small-GGUF") / "small-Q8_0.gguf")
        assert best() == "org/Small-GGUF"


def test_it_is_loaded_and_said(big: Twin, make: Make, tmp_path: Path) -> None:
    """Of a GGUF file in the cache for one; of a folder for a GGUF file, and the other way round."""
    put(make(1).file, in_cache(tmp_path / "files", "org/Small-GGUF") / "small-Q8_0.gguf")
    small = in_cache(tmp_path / "folders", "org/Small")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    vocab = len(json.loads((big.folder / "tokenizer.json").read_text())["model"]["vocab"])
    transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=vocab, **sizes)).save_pretrained(small)
    for name in TOKENIZER:
        shutil.copy(big.folder / name, small)
    flags: dict[str, Any] = {"max_new_tokens": 10}
    for cache, model, name in (
        ("files", big.file, "org/Small-GGUF"),
        ("folders", big.file, "org/Small"),
        ("files", big.folder, "org/Small-GGUF"),
    ):
        with pytest.warns(DraftNotice, match=f"{name} is here and has the same tokenizer"):
            loaded = open_model(str(model), LoadOptions(draft="auto"), cache=tmp_path / cache, progress=False)
        with loaded:
            assert loaded.has_assistant and "draft" in loaded.drafters
            plain = loaded.generate([[5, 6, 7]], speculation="off", **flags)
            assert loaded.generate([[5, 6, 7]], **flags) == plain


def test_tokenizers_are_the_same_by_their_pieces(big: Twin, make: Make) -> None:
    own = tokens_digest(big.file)
    assert own.alike(tokens_digest(big.folder)) and tokens_digest(big.folder).alike(own)
    other = tokens_digest(make(1, unjoined=20).file)
    assert other.pieces == own.pieces and not other.alike(own)
    with pytest.raises(CheckpointError, match="is missing"):
        tokens_digest(make(1, tokenizer=False).file)
    with open_gguf(big.file) as index:
        metadata = dict(index.metadata)
    tokens = list(metadata["tokenizer.ggml.tokens"])
    added = [*tokens, "[PAD400]"], [*metadata["tokenizer.ggml.token_type"], 5]
    assert own.alike(digest(metadata, *added)), "what fills up"
    moved = [*tokens[:-2], tokens[-1], tokens[-2]]
    assert not own.alike(digest(metadata, moved, metadata["tokenizer.ggml.token_type"]))
    del metadata["tokenizer.ggml.merges"]
    assert own.alike(digest(metadata, *added)), "of a vocabulary with scores"


def digest(metadata: dict[str, Any], tokens: list[str], types: Any) -> TokensDigest:
    changes = {"tokenizer.ggml.tokens": tuple(tokens), "tokenizer.ggml.token_type": np.array(types, np.int32)}
    return TokensDigest.of_metadata(metadata | changes, "model.gguf")


def test_a_published_tokenizer_is_the_same_in_both(conformance: Path) -> None:
    own = tokens_digest(conformance / "tokenizers" / "qwen2")
    made = tokens_digest(conformance / "vocab" / "ggml-vocab-qwen2.gguf")
    assert own.merges is not None and own == made
