"""Writes a model's matrices as a backend's kernels read them (prepared.py reads them): those of a model that is loaded,
or those of a checkpoint, of which one at a time is in memory.

They lie in the file in the order of the decoder's weights: those of one layer, or of one expert, are one piece of it.
Knows no layout, and no other file of a folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from causerie.backends.ops import Arranger, KernelMatrices, KernelMatrix, PreparingBackend, encoders_of
from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.stream import SafetensorsStream
from causerie.loading.load import Survey
from causerie.loading.plain_tensors import plain_tensors
from causerie.loading.prepared import ALIGNMENT, PREPARED, Layouts
from causerie.loading.quantize import Report
from causerie.loading.sources import PreparedSource, Progress, Source, Transfer, reporter
from causerie.quant.plain import STORED_AS

Arranged = Callable[[Source, Report], KernelMatrix]


def write_loaded(
    survey: Survey, index: TensorIndex, kernels: KernelMatrices, path: Path, progress: Progress | None = None
) -> Layouts:
    """Writes all weights of a surveyed checkpoint to the safetensors file `path`, replacing it only when all is
    written; matrices as they lie in the loaded model's memory. Raises CheckpointError where the disk refuses."""
    sizes = {name: matrix.nbytes for name, matrix in kernels.matrices.items()}

    def arranged(source: Source, report: Report) -> KernelMatrix:
        return kernels.matrices[source.weight.name]

    return Layouts(kernels.backend, kernels.version, _write(survey, index, sizes, arranged, path, progress))


def write_arranged(
    survey: Survey,
    index: TensorIndex,
    backend: PreparingBackend,
    path: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Layouts:
    """The same file, from the checkpoint: each matrix is arranged when its turn comes, and free when it is written.
    What is packed is arranged twice, for the beginning of the file says how large it is. Raises Unsupported for a
    folder that was prepared for another backend, UsageError for numbers that cannot be quantized."""
    survey.check_backend(backend)
    arranger = backend.arranger(survey.spec, survey.formats)
    expected = [(source, _size(source, arranger)) for source in survey.sources if len(source.weight.shape) == 2]
    sizes = {source.weight.name: size for source, size in expected if size is not None}
    packed = [source for source, size in expected if size is None]
    done, total = 0, sum(source.nbytes for source in (*packed, *survey.sources))
    with Transfer.begun(index, arranger, workers, squares=survey.squares, encoders=encoders_of(backend)) as transfer:

        def arranged(source: Source, report: Report) -> KernelMatrix:
            return arranger.arranged(source.place(transfer, survey.formats[source.weight.name], report))

        for source in packed:
            sizes[source.weight.name] = arranged(source, reporter(source, done, total, progress)).nbytes
            done += source.nbytes
        layouts = _write(survey, index, sizes, arranged, path, progress, done)
    return Layouts(backend.name, backend.layout_version, layouts)


def _size(source: Source, arranger: Arranger) -> int | None:
    """Bytes of a matrix as it will be written, where they are known before it is placed."""
    if isinstance(source, PreparedSource):
        return source.nbytes
    return arranger.arranged_bytes(source.weight.name, (source.weight.shape[0], source.weight.shape[1]))


def _write(
    survey: Survey,
    index: TensorIndex,
    sizes: Mapping[str, int],
    arranged: Arranged,
    path: Path,
    progress: Progress | None,
    done: int = 0,
) -> dict[str, str]:
    """Writes the file, in which matrices have these `sizes`, and gives their layouts; `done` bytes have been read
    before."""
    mapped = [source for source in survey.sources if source.weight.name in sizes]
    plain = plain_tensors(survey, set(sizes), index)
    declared: dict[str, tuple[str, tuple[int, ...]]] = {
        f"{source.key}.{PREPARED}": ("U8", (sizes[source.weight.name],)) for source in mapped
    }
    declared |= {tensor.name: (STORED_AS[tensor.target], tensor.shape) for tensor in plain}
    total = done + sum(source.nbytes for source in survey.sources)
    layouts: dict[str, str] = {}
    with SafetensorsStream(path, declared, alignment=ALIGNMENT) as out:
        for source in mapped:
            report = reporter(source, done, total, progress)
            layouts[source.weight.name] = _write_matrix(source, arranged(source, report), out)
            report(source.weight.shape[0])
            done += source.nbytes
        for tensor in plain:
            tensor.write(index, out)
    return layouts


def _write_matrix(source: Source, matrix: KernelMatrix, out: SafetensorsStream) -> str:
    """Writes it, and gives its layout."""
    first = 0
    for piece in matrix.pieces:
        out.write(f"{source.key}.{PREPARED}", piece, first)
        first += piece.nbytes
    return matrix.layout
