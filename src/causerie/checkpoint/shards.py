"""Which files of a folder hold the weights: one file, or the shards that an index names. Opens no weight file.

Knows the names that the field uses, and that a name inside a downloaded file is not to be trusted as a path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from causerie.checkpoint.header import NAME_CHARACTERS, shown
from causerie.errors import CheckpointError, MissingFile, PickledWeights, WeightFileError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
HEADS = ("model_mtp.safetensors", "mtp.safetensors")
"""Files of a head that guesses for the model, which some programs write beside it; not every index names them."""
INDEX_BYTES = 64 * 2**20
SHARDS = 10_000
TENSORS = 1_000_000

_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.safetensors")
_PICKLED = re.compile(
    r"(pytorch_model.*|model.*|consolidated.*|.*weights.*|.*lora.*|adapter_model)\.(bin|pt|pth|ckpt|pkl)"
)
_PICKLED_ANY = re.compile(r".*\.(pt|pth|ckpt|pkl)")
_NOT_WEIGHTS = re.compile(r"(optimizer|scheduler|training_args|rng_state|scaler|trainer_state).*")


@dataclass(frozen=True)
class WeightFiles:
    """The names (not paths) of a folder's weight files, and where an index gives it, each tensor's file."""

    names: tuple[str, ...]
    index: str | None = None
    homes: dict[str, str] | None = None
    heads: tuple[str, ...] = ()  # of those beside, that no index names


def choose(names: Iterable[str], where: str) -> tuple[str, ...]:
    """Of the file names of a folder or repository, the weights to use: an index and all shards, or one file; behind
    them those of heads.

    `where` names the place in messages. Raises MissingFile, PickledWeights; WeightFileError where a
    numbered shard is absent.
    """
    present = {name for name in names if "/" not in name and "\\" not in name}
    heads = tuple(name for name in HEADS if name in present)
    weights = sorted(name for name in present if name.endswith(".safetensors") and name not in heads)
    if SINGLE in present:
        return (SINGLE, *heads)
    shards = [match for match in map(_SHARD.fullmatch, weights) if match]
    series = {(match["stem"], match["count"]) for match in shards}
    if INDEX in present:
        named = [match[0] for match in shards if match["stem"] == "model"]
        return (INDEX, *(named or weights), *heads)
    if len(series) == 1 and len(shards) == len(weights):
        _whole_series(weights, series.pop(), where)
        return (*weights, *heads)
    if len(weights) == 1:
        return (weights[0], *heads)
    if weights:
        raise MissingFile(
            f"{where} holds {len(weights)} safetensors files ({', '.join(weights[:3])}…) and neither {SINGLE} nor "
            f"{INDEX}, so it is not known which belong together. Add the index, or keep one file."
        )
    raise _no_weights(present, where)


def _whole_series(names: list[str], series: tuple[str, str], where: str) -> None:
    stem, count = series
    for number in range(1, min(int(count), SHARDS) + 1):
        shard = f"{stem}-{number:05d}-of-{count}.safetensors"
        if shard not in names:
            raise WeightFileError(f"{where} lacks the shard {shard}; download the model again.")


def _no_weights(present: set[str], where: str) -> CheckpointError:
    pickled = sorted(
        name
        for name in present
        if (_PICKLED.fullmatch(name) or _PICKLED_ANY.fullmatch(name)) and not _NOT_WEIGHTS.fullmatch(name)
    )
    if pickled:
        return PickledWeights(
            f"{where} has its weights only as {pickled[0]}, a pickle, which can run any code when it is opened, so it "
            "is never opened here. Use a model published as safetensors, or convert this one where you can afford to "
            "trust it: load it with transformers and call save_pretrained."
        )
    return MissingFile(f"{where} has no weights: {SINGLE}, or {INDEX} and its shards, is expected there.")


def weight_files(folder: Path) -> WeightFiles:
    """The weight files of a local folder, all of them present. Raises as `choose` does, and WeightFileError."""
    files = choose((entry.name for entry in folder.iterdir() if not entry.is_dir()), str(folder))
    heads = tuple(name for name in files if name in HEADS)
    if files[0] != INDEX:
        return WeightFiles(tuple(name for name in files if name not in heads), heads=heads)
    homes = _weight_map(folder / INDEX)
    names = tuple(sorted(set(homes.values())))
    for name in names:
        if not (folder / name).is_file():
            tensor = next(tensor for tensor, home in homes.items() if home == name)
            raise WeightFileError(
                f"{folder} lacks the shard {name}, which {INDEX} says holds {shown(tensor)} and others; download the "
                "model again."
            )
    return WeightFiles(names, INDEX, homes, tuple(name for name in heads if name not in names))


def _weight_map(file: Path) -> dict[str, str]:
    """tensor → file name of an index, both checked: a name is one file beside the index and nothing else.

    A symbolic link beside the index is followed: the hub's cache is made of them, and downloads do not create others.
    """
    size = file.stat().st_size
    if size > INDEX_BYTES:
        raise WeightFileError(f"{file} has {size} bytes; an index has at most {INDEX_BYTES}.")
    try:
        content = json.loads(file.read_bytes().decode("utf-8"), object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        raise WeightFileError(f"{file} is not valid JSON ({str(error)[:120] or type(error).__name__}).") from None
    homes = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(homes, dict) or not homes:
        raise WeightFileError(f"{file} has no 'weight_map' from tensors to files; download it again.")
    if len(homes) > TENSORS:
        raise WeightFileError(f"{file} lists {len(homes)} tensors, more than the {TENSORS} that are accepted.")
    for tensor, home in homes.items():
        if len(tensor) > NAME_CHARACTERS or not isinstance(home, str):
            raise WeightFileError(f"{file} says that {shown(tensor)} is in {shown(str(home))}, which is no file name.")
    for home in set(homes.values()):
        if not _plain(home):
            raise WeightFileError(
                f"{file} names the file {shown(home)}, which is not a safetensors file beside it; the index is damaged "
                "or was made to mislead."
            )
    return homes


def _plain(name: str) -> bool:
    """Whether a name can only mean a safetensors file in its own folder, on any system."""
    return bool(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+ -]*\.safetensors", name)) and len(name) <= 255


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("a key is given twice")
    return mapping
