"""A draft model that is found in the hub's cache: which one, that it is said, and that nobody is taken who does not
fit. The cache is one of tiny models."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from causerie import AutoModelForCausalLM
from causerie.api.drafting.draft_search import companion, tokens_digest
from causerie.api.loading.load import open_model
from causerie.api.options.load_options import LoadOptions
from causerie.builtin import builtin_model_path
from causerie.cli.options.arguments import talking_options
from causerie.cli.verbs import chat, serve
from causerie.errors import CheckpointError, DraftNotice, UsageError
from causerie.plan.hardware import Hardware
from tests.api.relabelled import relabelled

pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")
transformers = pytest.importorskip("transformers")

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
Put = Callable[..., Path]


def put(cache: Path, name: str, width: int = 32, tokens_of: Path | None = None, **changes: Any) -> Path:
    """A llama of that width and 3072 tokens in a cache, as huggingface_hub has it; its folder."""
    home = cache / f"models--{name.replace('/', '--')}"
    folder = home / "snapshots" / ("a" * 40)
    sizes = {
        "vocab_size": 3072,
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    config = transformers.LlamaConfig(max_position_embeddings=2048, **{**sizes, **changes})
    transformers.LlamaForCausalLM(config).bfloat16().save_pretrained(folder)
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("a" * 40)
    for file in TOKENIZER:
        shutil.copy(Path(tokens_of or builtin_model_path()) / file, folder)
    return folder


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """The built-in model as one that was downloaded."""
    folder = tmp_path / "org" / "Big-Instruct"
    shutil.copytree(builtin_model_path(), folder)
    return folder


def load(name: str | Path, **options: Any) -> Any:
    return AutoModelForCausalLM.from_pretrained(name, progress=False, **options)


def test_it_is_loaded_and_said(big: Path, tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    put(cache, "org/Small-Instruct")
    ids = [[1, 2, 3]]
    with load(big, cache_dir=cache) as model, load(big, cache_dir=cache, draft="none") as other:
        assert not model.has_assistant and not other.has_assistant
        plain = model.generate(ids, max_new_tokens=20)
    with pytest.warns(DraftNotice, match=r"org/Small-Instruct is here .* for \S*Big-Instruct, .*--draft none") as said:
        model = load(big, cache_dir=cache, draft="auto")
    assert len(said) == 1
    with model:
        assert model.has_assistant and model.generate(ids, max_new_tokens=20) == plain


def test_which_one_is_taken(big: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "hub"
    with load(big) as loaded:
        model = loaded.step_model

        def best(name: str = "org/Big-Instruct") -> str | None:
            made = companion(model, name, big, cache)
            return None if made is None else made.name

        assert best() is None, "there is no cache"
        put(cache, "org/Half-Instruct", width=512)
        put(cache, "org/Other-tokens-Instruct", tokens_of=relabelled(tmp_path / "other", seed=1))
        (put(cache, "org/Broken-Instruct") / "config.json").write_text("{")
        (put(cache, "org/Damaged-Instruct") / "model.safetensors").write_bytes(b"\0" * 64)
        (put(cache, "org/Without-weights-Instruct") / "model.safetensors").unlink()
        assert best() is None
        states = put(cache, "org/States-Instruct")
        config = json.loads((states / "config.json").read_text())
        shutil.rmtree(states)
        mamba = transformers.MambaConfig(vocab_size=3072, hidden_size=32, num_hidden_layers=1)
        transformers.MambaForCausalLM(mamba).save_pretrained(states)
        for file in TOKENIZER:
            shutil.copy(Path(builtin_model_path()) / file, states)
        assert config["model_type"] == "llama" and best() is None
        put(cache, "org/Middle-Instruct", width=48)
        assert best() == "org/Middle-Instruct"
        put(cache, "org/Small")
        assert best() == "org/Middle-Instruct"
        assert best("org/Big") == "org/Small"
        put(cache, "org/Small-Instruct")
        assert best() == "org/Small-Instruct"
        for free, name in ((model.weight_bytes, None), (1 << 40, "org/Small-Instruct"), (None, "org/Small-Instruct")):
            monkeypatch.setattr("causerie.api.drafting.draft_search.hardware", lambda free=free: _with_free(free))
            assert best() == name


def test_a_folder_of_models_is_searched_too(big: Path, tmp_path: Path) -> None:
    folder, cache = tmp_path / "models", tmp_path / "hub"
    small = put(tmp_path / "made", "org/Small-Instruct")
    shutil.copytree(small, folder / "Small-Instruct")
    (folder / "notes").mkdir()
    with load(big) as loaded:
        assert companion(loaded.step_model, "Big-Instruct", big, cache) is None
        made = companion(loaded.step_model, "Big-Instruct", big, cache, folder)
        assert made is not None and made.name == str(folder / "Small-Instruct")
    with pytest.warns(DraftNotice, match="Small-Instruct is here"):
        model = open_model(str(big), LoadOptions(draft="auto"), cache=cache, models_folder=folder, progress=False)
    with model:
        assert model.has_assistant


def _with_free(memory_free: int | None) -> Hardware:
    from dataclasses import replace

    from causerie.api.machine.abilities import hardware

    return replace(hardware(), memory_free=memory_free)


def test_nobody_is_taken_where_none_can_guess(big: Path, tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    put(cache, "org/Small-Instruct")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DraftNotice)
        for name, options in (("builtin", {}), (big, {"backend": "torch", "dtype": "float32"})):
            with load(name, cache_dir=cache, draft="auto", **options) as model:
                assert not model.has_assistant


def test_who_asks_for_it() -> None:
    def of_chat(*options: str) -> str | None:
        return talking_options(chat.parser().parse_args(options)).draft

    def of_serve(*options: str) -> str | None:
        return serve.loading_of(serve.parser().parse_args(options), ["builtin"])[0].draft

    for draft in (of_chat, of_serve):
        assert draft() == "auto"
        assert draft("--draft", "none") is None
        assert draft("--draft", "org/name") == "org/name"
        assert draft("--speculation", "off") is draft("--speculation", "lookup") is None
    assert LoadOptions.read().draft is LoadOptions.read(draft="none").draft is None


def test_each_served_model_has_its_own_draft() -> None:
    options = serve.parser().parse_args(["--draft", "a=none", "--draft", "b=auto", "--draft", "org/name"])
    loading, drafts = serve.loading_of(options, ["a", "b", "c"])
    assert loading.draft == "org/name" and drafts == {"a": None, "b": "auto"}
    with pytest.raises(UsageError, match="speculation"):
        options = serve.parser().parse_args(["--draft", "a=org/name", "--speculation", "off"])
        serve.loading_of(options, ["a"])


def test_tokenizers_are_the_same_by_their_pieces(tmp_path: Path) -> None:
    builtin = Path(builtin_model_path())
    digest = tokens_digest(builtin)
    assert digest.alike(tokens_digest(relabelled(tmp_path / "same", unjoined=0)))
    assert not digest.alike(tokens_digest(relabelled(tmp_path / "unjoined")))
    assert not digest.alike(tokens_digest(relabelled(tmp_path / "renumbered", unjoined=0, seed=1)))
    with pytest.raises(CheckpointError, match=r"tokenizer\.json cannot be read"):
        tokens_digest(tmp_path / "nothing")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match="has no vocabulary"):
        tokens_digest(tmp_path)
    file = json.loads((builtin / "tokenizer.json").read_text())
    file["model"]["merges"] = [" ".join(pair) for pair in file["model"]["merges"]]
    file["added_tokens"].append({**file["added_tokens"][0], "id": 4000, "content": "<|later|>"})
    (tmp_path / "tokenizer.json").write_text(json.dumps(file))
    assert tokens_digest(tmp_path).alike(digest), "an older spelling, and a token that came later"
