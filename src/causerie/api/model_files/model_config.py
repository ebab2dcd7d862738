"""config.json of a checkpoint, read and set by attribute. It is what the file says; what of it a model computes with is
decided in models/registry.py, when it is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from causerie.api.model_files.gguf_model import gguf_config
from causerie.checkpoint.local_model import is_gguf_file
from causerie.errors import nearest
from causerie.models.config import read_config

_OWN = ("_values", "name_or_path", "folder")


class ModelConfig(Mapping[str, Any]):
    """The keys of config.json as attributes and as a mapping; setting an attribute sets the key. `folder` is where it
    lies, `name_or_path` how the caller named it."""

    def __init__(self, values: Mapping[str, Any], name_or_path: str = "", folder: Path | None = None) -> None:
        self._values = dict(values)
        self.name_or_path = name_or_path
        self.folder = folder

    @staticmethod
    def from_folder(folder: Path, name_or_path: str = "") -> ModelConfig:
        """Reads `folder`/config.json, or what a GGUF file says in its place. Raises MissingFile or ConfigError."""
        values = gguf_config(folder) if is_gguf_file(folder) else read_config(folder)
        return ModelConfig(values, name_or_path or str(folder), folder)

    def __getattr__(self, name: str) -> Any:
        values: dict[str, Any] = self.__dict__.get("_values", {})
        if name in values:
            return values[name]
        near = ", ".join(nearest(name, values)[:5])
        raise AttributeError(f"config.json of {self.__dict__.get('name_or_path')} has no {name!r}. Nearest: {near}.")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            self._values[name] = value

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"ModelConfig({self.name_or_path!r}, {json.dumps(self._values, indent=2)})"

    def to_dict(self) -> dict[str, Any]:
        """A copy of the keys."""
        return dict(self._values)
