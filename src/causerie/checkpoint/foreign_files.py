"""Files that stand where a model is expected and are none: adapters and git-LFS pointers. Says what each is and what
to do about it; reads none of them but the beginning of a pointer.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from causerie.errors import MissingFile, Unsupported

ADAPTER = "adapter_config.json"
"""What peft writes beside an adapter's weights, and nobody else."""

_POINTER = b"version https://git-lfs.github.com/spec/"
_POINTER_BYTES = 1024  # the format's own limit


def is_pointer(beginning: bytes) -> bool:
    """Whether a file begins as a git-LFS pointer does; 8 bytes are enough to tell one from a safetensors file."""
    return beginning.startswith(_POINTER[: max(8, min(len(beginning), len(_POINTER)))])


def pointers(folder: Path, names: Iterable[str]) -> list[str]:
    """Those of the files `names` of a folder that are git-LFS pointers."""
    return [name for name in sorted(names) if is_pointer(_beginning(folder / name))]


def _beginning(file: Path) -> bytes:
    """A file as short as a pointer; of a longer one, and one that cannot be read, nothing."""
    try:
        return file.read_bytes() if file.stat().st_size <= _POINTER_BYTES else b""
    except OSError:  # whoever needs the file says so
        return b""


def pointer_refusal(folder: Path, names: Iterable[str]) -> MissingFile:
    """The error for pointers where files should be."""
    return MissingFile(
        f"{folder} holds git-LFS pointers in place of {', '.join(names)}: short texts that say where the real files "
        "are, as after a `git clone` without git-lfs. Run `git lfs pull` there, or load the model by its hub id "
        "(org/name), which downloads it again."
    )


def adapter_refusal(where: str, made_from: str | None = None) -> Unsupported:
    """The error for an adapter; `made_from` is the model that it changes."""
    base = f"the model {made_from}" if made_from else f"the model that {ADAPTER} names"
    return Unsupported(
        f"{where} is an adapter (LoRA) and no whole model: it changes {base}, and adapters are not read by this "
        "version. Merge it first: load it with peft's AutoPeftModelForCausalLM, call "
        "model.merge_and_unload().save_pretrained(FOLDER), and save the tokenizer there too. Where the weights are "
        f"merged already, delete {ADAPTER}."
    )
