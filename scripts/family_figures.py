"""The figures of docs/models.md: how near each family is to transformers, what its cache keeps, and who else runs it.

Reads what was recorded (families/*.json) and the configs of released models; measures nothing itself.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

from causerie.models.registry import families, spec_from_config
from causerie.plan.footprint import cache_cost

SCRIPTS = Path(__file__).resolve().parent
sys.path[:0] = [str(SCRIPTS.parent)]

from tests.parity.released import RELEASED  # noqa: E402

NONE = "—"
TOKENS = 1000
OTHERS = ("in transformers", "in llama.cpp")


def figures() -> list[str]:
    """The section, line by line."""
    parity, llama_cpp = (_recorded(name) for name in ("parity", "llama_cpp"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a config says beyond the model is not told here
        rows = [_row(name, parity["families"].get(name, {}), llama_cpp["architectures"]) for name in families()]
    return [
        "## How near they are, what they keep, and who else runs them",
        "",
        "The difference is the largest one of a logit to transformers, in float32, over tiny models with random",
        "weights, of which each has another feature of the family;",
        f"{parity['greedy']['equal']} of {parity['greedy']['tokens']} tokens of greedy answers are the same",
        f"(`scripts/parity_table.py --record`, transformers {parity['transformers']}, torch {parity['torch']}).",
        "",
        "What is kept is that of one released model with a cache in 16 bits: what each further 1,000 tokens of a chat",
        "take, and what windows and states keep of a chat at most, however long it is (states are in float32).",
        "",
        f"The class is transformers'. llama.cpp is as it comes with llama-cpp-python {llama_cpp['llama-cpp-python']}:",
        "the architecture is what its converter makes of the class.",
        f"{NONE} stands where we know of none, or have no config of a released model.",
        "",
        _line("`model_type`", "`native`", "`torch`", "released model", "1,000 tokens", "at most", *OTHERS),
        _line(*["---"] * (6 + len(OTHERS))),
        *rows,
    ]


def _recorded(name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((SCRIPTS / "families" / f"{name}.json").read_text(encoding="utf-8"))
    return record


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _row(family: str, parity: dict[str, Any], architectures: dict[str, str]) -> str:
    differences = [f"{parity[backend]:.0e}" if backend in parity else NONE for backend in ("native", "torch")]
    others = [_code(each) for each in (parity.get("class"), architectures.get(family))]
    return _line(f"`{family}`", *differences, *_kept(family), *others)


def _kept(family: str) -> tuple[str, str, str]:
    """A released model of the family, what its cache keeps of each further 1,000 tokens, and what it keeps beside."""
    if family not in RELEASED:
        return NONE, NONE, NONE
    name, values = RELEASED[family]
    spec = spec_from_config(json.loads(json.dumps(values)))
    cost = cache_cost(spec, "bfloat16")
    growing = limited = 0
    for window, nbytes in cost.groups:
        if window is None or window >= spec.context:
            growing += nbytes
        else:
            limited += window * nbytes
    return name.partition(",")[0], _size(TOKENS * growing), _size(limited + cost.slot)


def _size(nbytes: int) -> str:
    return "0" if not nbytes else f"{nbytes / 1e6:.3g} MB" if nbytes < 1e9 else f"{nbytes / 1e9:.3g} GB"


def _code(name: str | list[str] | None) -> str:
    """Of several classes the first, which writes text."""
    first = name[0] if isinstance(name, list) else name
    return NONE if first is None else f"`{first}`"
