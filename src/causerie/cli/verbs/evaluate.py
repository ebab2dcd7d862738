"""`causerie evaluate`: what a quantization costs in quality, measured on a text.

Everything that can be wrong in the options is said before a model loads. It measures nothing itself:
api/measurement/evaluation.py does.
"""

from __future__ import annotations

import argparse
import json
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from causerie.cli.options.arguments import Parser, help_columns, load_options, whole_number
from causerie.errors import UsageError

if TYPE_CHECKING:
    from causerie.api.measurement.evaluation import FormatQuality, Passage

_DESCRIPTION = """\
How much a model loses by being quantized, measured on a text: its perplexity, how
far its predictions are from those of the same model in float32 (KL divergence),
and how often its likeliest token is the same. A sentence says what that means.

  causerie evaluate                               the built-in model, on dialogues
                                                  it was never trained on
  causerie evaluate MODEL --quantization int4     one format
  causerie evaluate MODEL --text FILE             on a text of your own"""

_EPILOG = """\
The bfloat16 row is the noise floor: weights as they are stored, and only
activations rounded. ± is the standard error of a mean over tokens. Without --text
the model's chat template writes the dialogues, and the answers in them are judged.
The model is held twice, in float32 and in the format that is measured."""

DEFAULT = ("int8", "int4")


def parser(width: int | None = None) -> Parser:
    """The options; `width` is that of the help, default the terminal's."""
    columns = help_columns(width)
    usage = "causerie evaluate [MODEL] [options]"
    made = Parser("causerie evaluate", _DESCRIPTION, width=columns, usage=usage, epilog=_EPILOG)
    add = made.add_argument
    add(
        "model",
        nargs="?",
        default="builtin",
        metavar="MODEL",
        help="a folder, GGUF file or org/name; default: the built-in one",
    )
    add("--quantization", metavar="NAMES", default=",".join(DEFAULT), help="formats, with commas (int8,int4)")
    add("--cache-dtype", metavar="NAMES", help="also with the cache in these, all else in float32 (bfloat16,int8)")
    add("--text", metavar="FILE", help="a text to judge it on; default: the built-in model's held-out dialogues")
    add("--tokens", type=whole_number, metavar="N", help="judge about so many tokens; default: all of the text")
    add("--window", type=whole_number, default=512, metavar="N", help="tokens of the text read together (512)")
    made.add_loading_options("calibrate", "backend", "device", "threads", "strict")
    add("--json", action="store_true", help="as the last line, the same as JSON, sizes in bytes")
    return made


def run(options: argparse.Namespace) -> int:
    """Measures and prints, and returns the exit code. Raises CauserieError."""
    names = [word.strip() for word in options.quantization.split(",")]
    text = None if options.text is None else _read(options.text)

    from causerie.api.measurement.evaluation import NOISE, REFERENCE, evaluate
    from causerie.api.options.quantization import quant_config
    from causerie.api.options.torch_names import cache_dtype_name

    for name in names:
        quant_config(name, None)  # an unknown one, said before anything loads
    words = [word.strip() for word in (options.cache_dtype or "").split(",") if word.strip()]
    caches = [name for name in map(cache_dtype_name, words) if name is not None]
    loading = load_options(options, quantization=None, cache_dtype=None)  # those are measured one by one
    passages = _passages(options, text)
    tokens = sum(len(passage.scored) for passage in passages)
    print(f"{options.model}: {tokens} tokens of {options.text or 'held-out dialogues'}", flush=True)
    print(HEADER, flush=True)
    rows: list[dict[str, Any]] = []
    verdicts: list[str] = []
    formats = [REFERENCE, NOISE, *dict.fromkeys(name for name in names if name != "none")]
    for row in evaluate(options.model, formats, passages, caches=caches, options=loading):
        print(line(row), flush=True)
        rows.append(values(row))
        if row.format not in (REFERENCE, NOISE):
            verdicts.append(row.verdict)
            rows[-1]["verdict"] = row.verdict
    if verdicts:
        print(*verdicts, sep="\n", flush=True)
    if options.json:
        print(json.dumps({"model": options.model, "text": options.text, "tokens": tokens, "rows": rows}))
    return 0


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}. --text wants a text file.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}.") from None


def _passages(options: argparse.Namespace, text: str | None) -> list[Passage]:
    from causerie.api.auto import AutoConfig, AutoTokenizer
    from causerie.api.measurement.evaluation import dialogue_passages, limited, text_passages
    from causerie.api.model_files.gguf_model import packed_kinds

    config = AutoConfig.from_pretrained(options.model)
    if config.get("quantization_config") or packed_kinds(config.folder):
        raise UsageError(
            f"{options.model} is quantized already, so there is nothing to compare it with. Evaluate the model it was "
            "made from, with the same --quantization."
        )
    context = config.get("max_position_embeddings") or options.window + 1
    if options.window < 2:
        raise UsageError("--window 1 leaves nothing to judge: the first token of a window is only read.")
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    window = min(options.window, context - 1)
    drawn = dialogue_passages(tokenizer) if text is None else text_passages(tokenizer, text, window)
    return limited(drawn, context, options.tokens)


SIGNIFICANT = 7  # digits
HEADER = f"{'format':<15}{'size':>10}{'bits':>8}{'perplexity':>21}{'KL divergence':>23}{'same top-1':>18}"


def line(row: FormatQuality) -> str:
    """A row of the table."""
    quality = row.quality
    size = f"{row.nbytes / 1e6:.1f} MB" if row.nbytes < 1e9 else f"{row.nbytes / 1e9:.2f} GB"
    perplexity = f"{_digits(quality.perplexity.value, 4)} ± {_digits(quality.perplexity.error, 3)}"
    divergence = f"{_digits(quality.divergence.value, 6)} ± {_digits(quality.divergence.error, 6)}"
    same = f"{100 * quality.same.value:.2f} ± {100 * quality.same.error:.2f} %"
    return f"{row.format:<15}{size:>10}{row.bits_per_weight:>8.2f}{perplexity:>21}{divergence:>23}{same:>18}"


def _digits(number: float, places: int) -> str:
    """At most SIGNIFICANT digits, so many behind the point at most; as a power of ten what has more before it."""
    if not isfinite(number) or number >= 10**SIGNIFICANT:
        return f"{number:.3g}"
    return f"{number:.{min(places, SIGNIFICANT - len(str(int(number))))}f}"


def values(row: FormatQuality) -> dict[str, Any]:
    """A row as JSON's values; divergences in nats, `same_top1` a share."""
    quality = row.quality
    return {
        "format": row.format,
        "bytes": row.nbytes,
        "bits_per_weight": row.bits_per_weight,
        "perplexity": quality.perplexity.value,
        "perplexity_error": quality.perplexity.error,
        "kl": quality.divergence.value,
        "kl_error": quality.divergence.error,
        "same_top1": quality.same.value,
        "same_top1_error": quality.same.error,
    }
