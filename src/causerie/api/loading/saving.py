"""`save_pretrained`: a model's folder with its weights as they are held, made from the folder it was loaded from.

Knows what was found when the model was loaded, and no backend: weights are read and quantized again, which gives the
same bytes, unless they are to be kept as the backend's kernels read them. For these the model need not be loaded.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from causerie.api.generation.config import FILE_NAME
from causerie.api.loading.progress_line import LoadingLine
from causerie.api.model_files.gguf_model import open_index
from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer
from causerie.backends.ops import KernelMatrices, PreparingBackend
from causerie.checkpoint.folder import TEXTS
from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.local_model import is_gguf_file
from causerie.errors import CheckpointError, UsageError
from causerie.loading.prepare import write_arranged, write_loaded
from causerie.loading.prepared import Layouts, prepared_for
from causerie.loading.quantize import Encoders
from causerie.loading.save import write_config, write_weights
from causerie.quant.encoders import encoder_named

if TYPE_CHECKING:
    from causerie.api.generation.config import GenerationConfig
    from causerie.api.model_files.model_config import ModelConfig
    from causerie.loading.load import Survey

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Saving:
    """All that is needed to write a model again that was loaded, or could be."""

    folder: Path  # it was loaded from
    config: ModelConfig
    weights: Survey
    workers: int
    encoders: Encoders = encoder_named

    def write(
        self,
        target: Path,
        generation_config: GenerationConfig,
        *,
        progress: bool,
        prepared: KernelMatrices | PreparingBackend | None = None,
    ) -> None:
        """Writes config, weights, generation flags and copies of the other small files to the folder `target`, which is
        made; the matrices as kernels read them where `prepared` has them, or can make them. Raises UsageError for a
        folder that holds another model or a model that is prepared already, CheckpointError where the disk refuses."""
        self._refuse(target)
        if prepared is None and prepared_for(self.config) is not None:
            raise UsageError(
                f"{self.folder} holds weights as kernels read them, from which only another such folder can be made: "
                "pass prepared=True, or load the model that it was prepared from."
            )
        gguf = is_gguf_file(self.folder)
        weights = self.weights.named_by_family() if gguf else self.weights
        line = LoadingLine(sys.stderr, "Saving") if progress else None
        try:
            target.mkdir(parents=True, exist_ok=True)
            with open_index(self.folder) as index:
                layouts = self._write_weights(weights, index, target / WEIGHTS, prepared, line)
            write_config(weights, self.config, target / "config.json", layouts)
            if gguf:
                ChatTokenizer.from_folder(self.folder).save_pretrained(target)
            for file in [] if gguf else self._texts():
                shutil.copyfile(file, target / file.name)
            generation_config.save_pretrained(target)
        except OSError as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(f"{target} cannot be written: {error.strerror}.") from None
        finally:
            if line is not None:
                line.clear()

    def _write_weights(
        self,
        weights: Survey,
        index: TensorIndex,
        path: Path,
        prepared: KernelMatrices | PreparingBackend | None,
        line: LoadingLine | None,
    ) -> Layouts | None:
        if prepared is None:
            write_weights(weights, index, path, workers=self.workers, progress=line, encoders=self.encoders)
            return None
        if isinstance(prepared, KernelMatrices):
            return write_loaded(weights, index, prepared, path, line)
        return write_arranged(weights, index, prepared, path, workers=self.workers, progress=line)

    def _texts(self) -> list[Path]:
        named = {file.name: file for file in self.folder.glob("*.jinja")}
        named |= {name: self.folder / name for name in TEXTS if (self.folder / name).is_file()}
        written = ("config.json", "hf_quant_config.json", FILE_NAME)
        return [file for name, file in sorted(named.items()) if name not in written]

    def _refuse(self, target: Path) -> None:
        if target.exists() and not target.is_dir():
            raise UsageError(f"{target} is a file; save_pretrained() wants a folder.")
        if target.resolve() == self.folder.resolve():
            raise UsageError(f"The model was loaded from {target}; save it to another folder, so that neither is lost.")
        others = [file.name for file in target.glob("*.safetensors*") if file.name != WEIGHTS]
        if others:
            raise UsageError(f"{target} holds {others[0]} of another model; save to a new folder.")
