"""A model's folder: whether all that is needed lies in it, and which folder was meant when a name is wrong.

Knows file names and opens none of the files. Where the folder came from is `hub.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Literal

from causerie.checkpoint.shards import choose, weight_files
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
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer_config.json",
    *TOKENIZERS,
)
"""The small files of a model; a repository may hold more `*.jinja` beside them."""


def check_names(names: Iterable[str], needs: Collection[Need], where: str) -> None:
    """Raises MissingFile, PickledWeights or another CheckpointError where the files named do not make up what `needs`
    asks for; `where` names the place."""
    present = set(names)
    if "config" in needs and "config.json" not in present:
        raise MissingFile(f"{where} has no config.json, so it is not a model's folder.{_inside(where)}")
    if "weights" in needs:
        choose(present, where)
    if "tokenizer" in needs and not present.intersection(TOKENIZERS):
        raise MissingFile(
            f"{where} has no tokenizer: tokenizer.json is expected there. Copy it from the model it was made from."
        )


def check_folder(folder: Path, needs: Collection[Need] = EVERYTHING) -> None:
    """The same for a local folder, down to each shard that an index names."""
    if not folder.is_dir():
        raise MissingFile(f"There is no folder {folder}; a model is expected there.")
    check_names((entry.name for entry in folder.iterdir() if not entry.is_dir()), needs, str(folder))
    if "weights" in needs:
        weight_files(folder)


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
