"""Writes docs/coming-from-transformers.md: what of transformers' names there is here, what is refused and why, and what
is missing, by asking both libraries.

`transformers_table.py` writes it; `transformers_table.py --check` only says whether it is out of date, and fails then.
Run it with the Python that has both packages.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import torch
import transformers

import causerie
from causerie.api.generation.config import FLAGS
from causerie.api.generation.foreign_flags import FOREIGN, FOREIGN_ARGUMENTS, ForeignFlag
from causerie.api.tokenizer.batch_encoding import BatchEncoding

PATH = Path(__file__).resolve().parent.parent / "docs" / "coming-from-transformers.md"
INTRODUCTION = """\
<!-- Made by scripts/transformers_table.py; edit the source that it reads. -->
# Coming from transformers

A script that chats with transformers runs here once its import is changed: `from causerie import pipeline`,
`AutoModelForCausalLM`, `AutoTokenizer`, `GenerationConfig`, streamers, stopping criteria and logits processors have
the field's names, arguments and results, and greedy answers are the same tokens. What is not here is an error that
says so: no option that would change an answer is ignored.

What differs, and why:

- Without a length an answer has 256 new tokens, where transformers' `generate()` has 20.
- `logits_processor` and `prefix_allowed_tokens_fn` are asked about each answer by itself, with ids `[1, tokens]` and
  scores `[1, vocabulary]`, as answers run each at its own pace. They run in the engine's thread and are slower than
  flags: use `logit_bias`, `bad_words_ids`, `suppress_tokens` or `response_format` where they do.
- `num_beams`, `length_penalty` and `early_stopping` are arguments of `model.generate()`, and not of a
  `GenerationConfig` or a pipeline. Beams are not sampled, so they need `do_sample=False`. Each step is a request for
  every beam, which costs more than a step of a plain answer. Rows are filled up with `pad_token_id`, even if it is 0.
- A model stays where it was loaded, in the format it was loaded in: `to()`, `half()`, `cuda()` and the like give the
  model itself or say how to load it. Weights lie as kernels read them, so there are no modules, parameters or hooks.
- A tokenizer gets no new tokens, as a model has no embedding for them: `add_tokens` takes those that it has already.

The tables say what there is of transformers {version}.
"""
_TOKENIZER = causerie.AutoTokenizer.from_pretrained(causerie.builtin_model_path())  # some of its names are its own
PAIRS: tuple[tuple[str, Any, Any], ...] = (
    ("GenerationConfig", transformers.GenerationConfig, causerie.GenerationConfig),
    ("A model", transformers.LlamaForCausalLM, causerie.CausalLM),
    ("A tokenizer", transformers.PreTrainedTokenizerFast, _TOKENIZER),
    ("What a tokenizer returns", transformers.BatchEncoding, BatchEncoding),
    ("A text-generation pipeline", transformers.TextGenerationPipeline, causerie.TextGenerationPipeline),
)


def document() -> str:
    """The whole document."""
    theirs = {name for name in vars(transformers.GenerationConfig()) if not name.startswith("_")}
    same = sorted(theirs & set(FLAGS))
    parts = [
        INTRODUCTION.format(version=transformers.__version__),
        "## Generation flags",
        f"The same: {_listed(same)}.\n\nOf ours alone: {_listed(sorted(set(FLAGS) - theirs))}.",
        "Refused, unless they ask for nothing:",
        _refusals({name: flag for name, flag in FOREIGN.items() if name in theirs}),
        "## Arguments of generate()",
        "Refused, unless they ask for nothing, or meant for another place:",
        _refusals(FOREIGN_ARGUMENTS),
        "## Members",
        *(_members(title, reference, ours) for title, reference, ours in PAIRS),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _refusals(flags: dict[str, ForeignFlag]) -> str:
    rows = ["| name | asks for nothing as | instead |", "|---|---|---|"]
    for name, flag in flags.items():
        neutral = ", ".join(f"`{value!r}`" for value in (None, *flag.neutral))
        rows.append(f"| `{name}` | {neutral} | {flag.instead} |")
    return "\n".join(rows)


def _members(title: str, reference: Any, ours: Any) -> str:
    """Names of torch's modules are told apart from the library's own: there are many, and few are here."""
    own, known = _public(ours), _public(reference)
    if issubclass(reference, torch.nn.Module):
        inherited = _public(torch.nn.Module)
        known -= inherited - own
    parts = [f"### {title}", f"The same: {_listed(sorted(known & own))}.", f"Missing: {_listed(sorted(known - own))}."]
    if issubclass(reference, torch.nn.Module):
        parts.append("Of `torch.nn.Module` there is what is named above, and nothing else.")
    return "\n\n".join(parts)


def _public(kind: Any) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def _listed(names: list[str]) -> str:
    return "\n".join(textwrap.wrap(", ".join(f"`{name}`" for name in names), 104)) if names else "none"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        if not PATH.is_file() or PATH.read_text(encoding="utf-8") != document():
            sys.exit(f"{PATH.name} is out of date; run scripts/transformers_table.py.")
    elif sys.argv[1:]:
        sys.exit(f"transformers_table.py takes --check or nothing, not {' '.join(sys.argv[1:])!r}.")
    else:
        PATH.write_text(document(), encoding="utf-8")
