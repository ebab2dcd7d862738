"""From a model's name to a folder that starts at once: its checkpoint's matrices as the native backend's kernels read
them, one after the other, so that the model may be larger than memory.

Knows options as LoadOptions has them; saving.py writes the folder.
"""

from __future__ import annotations

from pathlib import Path

from causerie.api.generation.config import GenerationConfig
from causerie.api.loading.calibration import calibrated_as_asked
from causerie.api.loading.placement import choose
from causerie.api.loading.saving import Saving
from causerie.api.machine.abilities import thread_count
from causerie.api.model_files.gguf_model import open_index
from causerie.api.model_files.model_config import ModelConfig
from causerie.api.options.load_options import LoadOptions
from causerie.backends.ops import PreparingBackend
from causerie.checkpoint.hub import resolve
from causerie.errors import Unsupported
from causerie.loading.load import survey
from causerie.settings import Settings


def prepare_model(name: str, target: Path, options: LoadOptions, *, progress: bool = True) -> None:
    """Writes the model of a folder, "builtin" or hub id to the folder `target`, which is made: the files that
    save_pretrained(prepared=True) of the loaded model writes. Raises what that and loading raise; a backend that is not
    the native one is Unsupported."""
    quantization = options.format_named("preparing")
    folder = resolve(name, None, needs=("config", "weights"), progress=progress)
    config = ModelConfig.from_folder(folder, name)
    generation = GenerationConfig.from_checkpoint(folder, config)
    settings = Settings.from_environment()
    with open_index(folder) as index:
        weights = survey(
            index,
            config,
            dtype=options.dtype,
            quantization=quantization,
            strict=options.strict,
            draft_head=options.holds_head,
        )
        backend = choose(options, weights.nbytes, settings)
        if not isinstance(backend, PreparingBackend):
            raise Unsupported(
                f"Only weights of the native backend can be prepared; the {backend.name} backend was chosen."
            )
        workers = thread_count(options.threads, settings)
        weights = calibrated_as_asked(weights, index, backend, options, folder, workers=workers)
    saving = Saving(folder, config, weights, workers)
    saving.write(target, generation, progress=progress, prepared=backend)
