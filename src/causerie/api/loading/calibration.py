"""By which texts a model is measured before it is quantized: random tokens, or those of a file.

Knows no tensor; loading/calibration.py measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from causerie.api.options.load_options import NO_CALIBRATION, RANDOM, LoadOptions
from causerie.backends.ops import Backend
from causerie.backends.step import Int32
from causerie.checkpoint.index import TensorIndex
from causerie.errors import UsageError
from causerie.loading.load import Survey, calibrated
from causerie.text.tokenizer import Tokenizer

TOKENS, TEXT_TOKENS = 2048, 256
"""Of a file, and of its pieces, which are read each by itself."""


def calibrated_as_asked(
    survey: Survey, index: TensorIndex, backend: Backend, options: LoadOptions, folder: Path, *, workers: int
) -> Survey:
    """The survey with what its matrices read, where a format is to be chosen by that. Raises UsageError for a file that
    is no text, OutOfMemory."""
    asked = options.calibrate or RANDOM
    if asked == NO_CALIBRATION:
        return survey
    if options.calibrate is not None and options.quantization is None and options.speculation != "shadow":
        raise UsageError(
            f"calibrate={asked!r} chooses how weights are quantized, and no quantization was asked for. Add "
            "quantization='int4' (--quantization int4), or leave it out."
        )
    texts = None if asked == RANDOM else texts_of(Path(asked), folder, survey.spec.context)
    shadow = options.speculation == "shadow"
    return calibrated(survey, index, backend, texts=texts, shadow=shadow, workers=workers)


def texts_of(file: Path, folder: Path, context: int) -> Sequence[Int32]:
    """The beginning of a file in pieces of the model's tokens. Raises UsageError, or what its tokenizer raises."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"calibrate is {str(file)!r}, which cannot be read: {error.strerror}. Give {RANDOM}, {NO_CALIBRATION} or a "
            "text file."
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"calibrate is {str(file)!r}, which is not UTF-8 text.") from None
    tokens = np.array(Tokenizer.from_folder(folder).encode(text)[:TOKENS], np.int32)
    if not len(tokens):
        raise UsageError(f"calibrate is {str(file)!r}, which is empty. Give a text of some hundred words.")
    step = min(TEXT_TOKENS, context)
    return [tokens[start : start + step] for start in range(0, len(tokens), step)]
