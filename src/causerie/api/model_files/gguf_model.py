"""A GGUF file as a model: its config, its tokenizer and what answers end with, out of the file's metadata, and its
tensors. Beside a folder's files, which are read elsewhere.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from causerie.builtin import smollm2
from causerie.checkpoint.gguf.index import GgufIndex, open_gguf
from causerie.checkpoint.local_model import is_gguf_file
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.errors import ConfigWarning
from causerie.loading.packed.records import block_kinds
from causerie.models.gguf.architecture import gguf_model

if TYPE_CHECKING:
    from causerie.text.tokenizer import Tokenizer

_KIND = "tokenizer.ggml.model"
_NO_TOKENIZER = (None, "none", "no_vocab")
_IDS = {"bos_token_id": "tokenizer.ggml.bos_token_id", "pad_token_id": "tokenizer.ggml.padding_token_id"}
_DRAWING = {
    "temperature": "general.sampling.temp",
    "top_k": "general.sampling.top_k",
    "top_p": "general.sampling.top_p",
    "min_p": "general.sampling.min_p",
    "repetition_penalty": "general.sampling.penalty_repeat",
}
"""Flags and the keys by which some files advise them."""


def open_index(place: Path) -> SafetensorsIndex | GgufIndex:
    """The tensors of a model's folder, or of a GGUF file. Raises what either says."""
    return open_gguf(place) if is_gguf_file(place) else SafetensorsIndex.open(place)


def gguf_config(file: Path) -> dict[str, Any]:
    """What the config.json of a GGUF file's model would say. Raises ConfigError, UnknownName, CheckpointError."""
    with open_gguf(file) as index, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConfigWarning)  # told when the weights are found
        return dict(gguf_model(index.metadata, index).config)


def packed_kinds(place: Path | None) -> set[str]:
    """The types of blocks of a GGUF file; none of a folder, or of a file of plain numbers."""
    if place is None or not is_gguf_file(place):
        return set()
    with open_gguf(place) as index:
        return block_kinds(index)


def has_tokenizer(place: Path | None) -> bool:
    """Whether a model's folder, or GGUF file, has one."""
    if place is None or not is_gguf_file(place):
        return place is not None and (place / "tokenizer.json").is_file()
    with open_gguf(place) as index:
        return index.metadata.get(_KIND) not in _NO_TOKENIZER


def gguf_tokenizer(file: Path) -> Tokenizer:
    """The tokenizer of a GGUF file. Raises CheckpointError, Unsupported."""
    from causerie.text.gguf.metadata_tokenizer import tokenizer_from_metadata

    with open_gguf(file) as index:
        return tokenizer_from_metadata(index.metadata, str(file))


def gguf_flags(file: Path) -> dict[str, Any]:
    """What a GGUF file says of generating, as generation_config.json would have it: the tokens that begin a text, end
    an answer and fill up, where it has a tokenizer, and how to draw. Raises CheckpointError."""
    from causerie.text.gguf.metadata_tokenizer import answer_ends

    with open_gguf(file) as index:
        metadata = index.metadata
    flags: dict[str, Any] = dict(smollm2.ADVISED) if file == smollm2.smollm2_file() else {}
    flags |= {name: _shortest(metadata[key]) for name, key in _DRAWING.items() if key in metadata}
    if metadata.get(_KIND) in _NO_TOKENIZER:
        return flags
    ids = {name: metadata.get(key) for name, key in _IDS.items()}
    return {**flags, **ids, "eos_token_id": answer_ends(metadata, str(file))}


def _shortest(value: Any) -> Any:
    """A number of 32 bits as it was written, with few digits; anything else as it is."""
    return float(np.format_float_positional(np.float32(value))) if isinstance(value, float) else value
