"""A model's folder: whether all that is needed lies in it, and which folder was meant when a name is wrong.

Knows file names, and what other programs put in their place (foreign_files.py). Where the folder came from is `hub.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Literal

from causerie.checkpoint.foreign_files import ADAPTER, adapter_refusal, pointer_refusal, pointers
from causerie.checkpoint.json_object import read_json_object
from causerie.checkpoint.shards import INDEX, choose, weight_files
from causerie.errors import MissingFile

Need = Literal["config", "weights", "tokenizer"]
EVERYTHING: tuple[Need, ...] = ("config", "weights", "tokenizer")

TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")
TEXTS = (
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "config.json",
    "generation_config.json",
    "hf_quant_config.json",
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer_config.json",
    *TOKENIZERS,
)
"""The small files of a model; a repository may hold more `*.jinja` beside them."""


def check_names(names: Iterable[str], needs: Collection[Need], where: str, made_from: str | None = None) -> None:
    """Raises MissingFile, PickledWeights or another CheckpointError where the files named do not make up what `needs`
    asks for, Unsupported where they are an adapter; `where` names the place, `made_from` the model that the adapter was
    made from, where that is known."""
    present = set(names)
    whole = _whole(present, needs)
    if ADAPTER in present and ("weights" in needs or not whole):
        raise adapter_refusal(where, made_from)
    if "config" in needs and "config.json" not in present:
        raise MissingFile(f"{where} has no config.json, so it is not a model's folder.{_inside(where)}")
    if "weights" in needs:
        choose(present, where)
    if "tokenizer" in needs and not present.intersection(TOKENIZERS):
        raise MissingFile(
            f"{where} has no tokenizer: tokenizer.json is expected there. Copy it from the model it was made from. "
            "A head that guesses for another model (eagle3) is passed beside that: assistant_model, --draft."
        )


def check_folder(folder: Path, needs: Collection[Need] = EVERYTHING) -> None:
    """The same for a local folder, down to each shard that an index names."""
    if not folder.is_dir():
        raise MissingFile(f"There is no folder {folder}; a model is expected there.")
    names = {entry.name for entry in folder.iterdir() if not entry.is_dir()}
    unfetched = pointers(folder, (name for name in names if _need_of(name) is not None))
    if any(_need_of(name) in needs for name in unfetched):
        raise pointer_refusal(folder, unfetched)
    check_names(names, needs, str(folder), _base_model(folder))
    if "weights" in needs:
        weight_files(folder)


def _need_of(name: str) -> Need | None:
    """What a file is needed for; None where it is never read."""
    if name in ("config.json", "generation_config.json", ADAPTER):
        return "config"
    if name in TEXTS or name.endswith(".jinja"):
        return "tokenizer"
    return "weights" if name == INDEX or name.endswith(".safetensors") else None


def _whole(present: set[str], needs: Collection[Need]) -> bool:
    """Whether each kind of file that is needed is there."""
    there = {
        "config": "config.json" in present,
        "weights": any(name.endswith(".safetensors") for name in present),
        "tokenizer": bool(present.intersection(TOKENIZERS)),
    }
    return all(there[need] for need in needs)


def _base_model(folder: Path) -> str | None:
    """What the adapter in a folder was made from; None where there is none, or it does not say."""
    file = folder / ADAPTER
    base = read_json_object(file).get("base_model_name_or_path") if file.is_file() else None
    return base if isinstance(base, str) else None


def _inside(where: str) -> str:
    """A hint where the model is one folder deeper, as after a download by hand."""
    folder = Path(where)
    if not folder.is_dir():
        return ""
    deeper = [entry for entry in islice(folder.iterdir(), 1000) if (entry / "config.json").is_file()]
    return f" Did you mean {deeper[0]}?" if deeper else ""


def similar_folders(path: Path) -> list[str]:
    """Existing folders beside `path` whose name is spelled much like it, nearest first."""
    parent = path.parent
    try:
        beside = [entry.name for entry in islice(parent.iterdir(), 1000) if entry.is_dir()]
    except OSError:
        return []
    folded = {name.casefold(): name for name in beside}
    return [str(parent / folded[name]) for name in get_close_matches(path.name.casefold(), folded, n=3)]
