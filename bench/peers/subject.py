"""What is compared: a model in formats, which are forms that each peer gives a folder, or GGUF files as they are.

Files of one model, told apart by the type at the end of their names (`m.Q4_0.gguf`, `m-Q8_0.gguf`), are one subject
with a format each. Knows no peer and no measurement.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from peers.worker import ENVS

BENCH = Path(__file__).resolve().parents[1]
MODELS = ENVS / "models"
FORMATS = ("bf16", "8-bit", "4-bit")
AS_IT_IS = "file"
"""The format that workers are asked for where a file has its own."""
SUFFIX = ".gguf"
_TYPED = re.compile(r"(.+)[.-]((?:I?Q|TQ|MXFP|B?F)\d[A-Z0-9_]*)")


@dataclass
class Subject:
    """A model's name, and where it is by format."""

    name: str
    places: dict[str, Path] = field(default_factory=dict)

    @property
    def is_files(self) -> bool:
        """Whether its formats are those of files, which only some peers read."""
        return all(place.is_file() for place in self.places.values())

    def asked(self, format: str) -> str:
        """What a worker is asked for."""
        return AS_IT_IS if self.is_files else format


def subjects(names: Sequence[str], formats: Sequence[str]) -> Iterator[Subject]:
    """Those of shapes, folders and files; a shape that is not there is made when it is its turn. Raises SystemExit for
    a name that is none of them."""
    files: dict[str, Subject] = {}
    for name in names:
        if name.endswith(SUFFIX) and Path(name).is_file():
            model, type_ = _typed(Path(name).name.removesuffix(SUFFIX))
            files.setdefault(model, Subject(f"{model}-GGUF")).places[type_] = Path(name).resolve()
    for name in names:
        if not name.endswith(SUFFIX):
            folder = model_folder(name)
            yield Subject(folder.name, dict.fromkeys(formats, folder))
        elif not Path(name).is_file():
            raise SystemExit(f"{name} is not there.")
    yield from files.values()


def model_folder(name: str) -> Path:
    """The folder of a shape of make_model.py, made if it is not there, or one of the user's own."""
    sys.path.insert(0, str(BENCH))
    from model_shapes import SHAPES

    if name not in SHAPES:
        if not (Path(name) / "config.json").is_file():
            known = ", ".join(SHAPES)
            raise SystemExit(f"{name} is neither a folder with a config.json, nor a GGUF file, nor one of {known}.")
        return Path(name).resolve()
    folder = MODELS / name
    if not (folder / "config.json").is_file():
        subprocess.run([sys.executable, str(BENCH / "make_model.py"), name, str(folder)], check=True)
    return folder


def _typed(stem: str) -> tuple[str, str]:
    """Model and type, of a file's name without its suffix; the type is "file" where the name does not say it."""
    typed = _TYPED.fullmatch(stem)
    return (typed[1], typed[2]) if typed else (stem, AS_IT_IS)
