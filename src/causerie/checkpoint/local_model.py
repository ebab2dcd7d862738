"""What a place on this machine means as a model: a folder of safetensors, or a GGUF file, one of several perhaps.
Knows names of files, and reads none.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from causerie.checkpoint.gguf.choice import choose_gguf, is_beside, is_gguf, only_gguf
from causerie.errors import ModelNotFound, UsageError


def local_model(text: str) -> Path | None:
    """The folder, or the GGUF file, that `text` means: a folder, a file, or a folder with a kind or file behind it
    ("folder:Q6_K", "folder:model-Q6_K.gguf"). None where no such thing is there. Raises MissingFile where it is not
    said which of several files is meant, ModelNotFound for a file that is none."""
    path = Path(text).expanduser()
    if path.is_dir():
        return _of_folder(path)
    if path.is_file():
        return _of_file(path, text)
    folder, _, choice = text.rpartition(":")
    if folder and Path(folder).expanduser().is_dir():
        return _of_folder(Path(folder).expanduser(), choice)
    return None


def is_gguf_file(place: Path) -> bool:
    """Whether what `local_model` gave is a GGUF file, and no folder."""
    return is_gguf(place.name)


def _of_folder(folder: Path, choice: str | None = None) -> Path:
    names = [entry.name for entry in folder.iterdir() if not entry.is_dir()]
    if choice is None and (not any(map(is_gguf, names)) or any(name.endswith(".safetensors") for name in names)):
        return folder
    model = only_gguf(names, str(folder)) if choice is None else choose_gguf(names, choice, str(folder))
    if beside := sorted(filter(is_beside, names)):
        warnings.warn(f"{folder / beside[0]} is what the model sees or hears with; left out.", stacklevel=4)
    return folder / model.first


def _of_file(path: Path, text: str) -> Path:
    if not is_gguf(text):
        raise ModelNotFound(
            f"{text} is a file; a model is a folder with config.json, weights and tokenizer, or a GGUF file (.gguf)."
        )
    if is_beside(path.name):
        raise UsageError(
            f"{text} is what a multimodal model sees or hears with, and no model by itself. Take the GGUF file of the "
            "model that it belongs to."
        )
    return path
