"""A GGUF file as a model: its config, its tokenizer and what answers end with, out of the file's metadata, and its
tensors. Beside a folder's files, which are read elsewhere.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from causerie.checkpoint.gguf.index import GgufIndex, open_gguf
from causerie.checkpoint.local_model import is_gguf_file
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.errors import ConfigWarning
from causerie.models.gguf.architecture import gguf_model

if TYPE_CHECKING:
    from causerie.text.tokenizer import Tokenizer

_NO_TOKENIZER = (None, "none", "no_vocab")
_IDS = {"bos_token_id": "bos", "pad_token_id": "padding"}


def open_index(place: Path) -> SafetensorsIndex | GgufIndex:
    """The tensors of a model's folder, or of a GGUF file. Raises what either says."""
    return open_gguf(place) if is_gguf_file(place) else SafetensorsIndex.open(place)


def gguf_config(file: Path) -> dict[str, Any]:
    """What the config.json of a GGUF file's model would say. Raises ConfigError, UnknownName, CheckpointError."""
    with open_gguf(file) as index, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConfigWarning)  # told when the weights are found
        return dict(gguf_model(index.metadata, index).config)


def gguf_tokenizer(file: Path) -> Tokenizer:
    """The tokenizer of a GGUF file. Raises CheckpointError, Unsupported."""
    from causerie.text.gguf.metadata_tokenizer import tokenizer_from_metadata

    with open_gguf(file) as index:
        return tokenizer_from_metadata(index.metadata, str(file))


def gguf_ends(file: Path) -> dict[str, Any]:
    """The ids of the tokens that begin a text, end an answer and fill up, as generation_config.json would have them.
    None of them where the file has no tokenizer. Raises CheckpointError."""
    from causerie.text.gguf.metadata_tokenizer import answer_ends

    with open_gguf(file) as index:
        if index.metadata.get("tokenizer.ggml.model") in _NO_TOKENIZER:
            return {}
        ids = {key: index.metadata.get(f"tokenizer.ggml.{name}_token_id") for key, name in _IDS.items()}
        return {**ids, "eos_token_id": answer_ends(index.metadata, str(file))}
