"""Where on the disk a loaded model's cache is kept, and by what name: so that no other model, and not the same one
computed otherwise, takes it for its own.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import causerie
from causerie.api.options.load_options import LoadOptions
from causerie.backends.ops import CacheMemory
from causerie.cache.disk.folder import PieceFolder
from causerie.checkpoint.fingerprint import files_fingerprint
from causerie.errors import KeptCacheWarning, UsageError
from causerie.models.model import Model
from causerie.settings import Settings

_SAMPLE = 4096  # bytes of each place at which matrices are looked at


def kept_folder(settings: Settings) -> Path:
    """Where all models' caches are kept."""
    return settings.caches / "kept"


def kept_cache(
    model: Model, place: Path, options: LoadOptions, settings: Settings
) -> tuple[CacheMemory, PieceFolder] | None:
    """The cache of a model that was loaded from `place`, and its folder; None where none is asked for. Raises
    Unsupported on a backend whose cache cannot be kept, UsageError where nothing can be written."""
    if options.keep_cache is None:
        return None
    memory, arithmetic = model.kept_cache()
    folder = kept_folder(settings)
    try:
        name = hashlib.sha256("\0".join(_identity(model, place, arithmetic)).encode()).hexdigest()[:32]
        return memory, PieceFolder(folder, name, options.keep_cache, _warn)
    except OSError as error:
        raise UsageError(
            f"The cache cannot be kept in {folder}: {error.strerror or error}. CAUSERIE_CACHE names another folder."
        ) from None


def kept_bytes(settings: Settings) -> int:
    """Of all caches that are kept now."""
    return sum(path.stat().st_size for path in kept_folder(settings).glob("*/*") if path.is_file())


def _identity(model: Model, place: Path, arithmetic: str) -> Iterator[str]:
    """All by which the bytes of a cache of the same tokens may differ."""
    yield causerie.__version__
    yield arithmetic
    yield files_fingerprint(place)
    yield repr(model.spec)
    yield f"{model.format} {model.quantization} {model.cache.dtype} {model.cache.block_size}"
    yield _matrix_sample(model)


def _matrix_sample(model: Model) -> str:
    """A digest of some bytes of each matrix as it is held: the same files may be quantized in several ways."""
    sample = hashlib.sha256()
    for name, matrix in sorted(model.kernel_matrices().matrices.items()):
        sample.update(f"{name} {matrix.layout} {matrix.nbytes}".encode())
        for piece in matrix.pieces:
            for begin in (0, piece.nbytes // 2, max(0, piece.nbytes - _SAMPLE)):
                sample.update(piece.reshape(-1)[begin : begin + _SAMPLE].tobytes())
    return sample.hexdigest()


def _warn(sentence: str) -> None:
    warnings.warn(sentence, KeptCacheWarning, stacklevel=2)
