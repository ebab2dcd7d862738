"""`causerie prepare`: writes a model as this program's kernels read it, so that it starts at once ever after.

Knows no file format: api/loading/preparing.py writes the folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from causerie.cli.options.arguments import Parser, help_columns, load_options

_DESCRIPTION = """\
Writes a model to a folder as the native backend's kernels read it. A start from that
folder maps one file: no weight is read, packed or quantized, and no memory beside
the file's own is needed for them. Writing takes memory for one matrix at a time: a
model may be larger than this machine's memory.

  causerie prepare MODEL FOLDER                       in the checkpoint's precision
  causerie prepare MODEL FOLDER --quantization int8   quantized
  causerie chat FOLDER                                from then on"""

_EPILOG = """\
Answers are the same to the last bit. The folder serves this program on a CPU: keep
the original for everything else. Do not write to its files while a model runs;
replacing the folder by a new one is safe."""


def parser(width: int | None = None) -> Parser:
    """The options; `width` is that of the help, default the terminal's."""
    columns = help_columns(width)
    usage = "causerie prepare MODEL FOLDER [options]"
    made = Parser("causerie prepare", _DESCRIPTION, width=columns, usage=usage, epilog=_EPILOG)
    add = made.add_argument
    add("model", metavar="MODEL", help="a folder, GGUF file, org/name or builtin")
    add("folder", metavar="FOLDER", help="where to write it; made if it is not there")
    made.add_loading_options("dtype", "quantization", "calibrate", "packing", "threads", "strict")
    return made


def run(options: argparse.Namespace) -> int:
    """Writes, says what there is now, and returns the exit code. Raises CauserieError."""
    from causerie.api.loading.preparing import prepare_model

    target = Path(options.folder)
    prepare_model(options.model, target, load_options(options, backend="native"))
    size = sum(file.stat().st_size for file in target.iterdir())
    print(f"Wrote {target}: {size / 1e9:.2f} GB. Start from it: causerie chat {target}")
    return 0
