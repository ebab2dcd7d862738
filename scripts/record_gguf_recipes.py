"""Records what llama.cpp's converter does to the tiny checkpoints of tests/parity, for tests/parity/gguf_recipes.

Usage: python scripts/record_gguf_recipes.py LLAMA_CPP [NAME ...], where LLAMA_CPP is a checkout of ggml-org/llama.cpp.
It converts each checkpoint of tests/parity/gguf_cases.py, looks up how each tensor that comes out follows from those
that went in, bit for bit, and writes that down.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from tests.parity.cases import TINY  # noqa: E402
from tests.parity.gguf_cases import GGUF_CASES, GgufCase, save_gguf_case  # noqa: E402
from tests.parity.gguf_recipe import FOLDER, made  # noqa: E402

Float32 = NDArray[np.float32]
_SKIPPED = ("general.", "tokenizer.", "GGUF.", "split.")
_KEPT = "general.architecture"
ROUNDING = 3e-7  # of what one program's exp gives and another's


def main() -> None:
    """Records all, or those that are named."""
    root, *names = sys.argv[1:]
    sys.path[:0] = [f"{root}/gguf-py", root]
    logging.disable(logging.CRITICAL)
    FOLDER.mkdir(exist_ok=True)
    for case in GGUF_CASES:
        if names and case.name not in names:
            continue
        with TemporaryDirectory() as folder:
            path = save_gguf_case(case, Path(folder) / "model")
            vocabulary = {"model": {"vocab": dict.fromkeys(map(str, range(TINY["vocab_size"])))}, "added_tokens": []}
            (path / "tokenizer.json").write_text(json.dumps(vocabulary))  # some count what it has
            file = Path(folder) / "model.gguf"
            try:
                _convert(path, file, case)
            except (AssertionError, KeyError, ValueError, NotImplementedError, RuntimeError, IndexError) as fault:
                print(f"{case.name} cannot be converted: {fault!r}"[:200])
                continue
            recipe = {"case": case.case, "changes": case.changes, "first_files": case.first_files}
            text = _written(recipe | _recipe(path, file))
            (FOLDER / f"{case.name}.json").write_text(text, encoding="utf-8")
            print(case.name, len(text))


def _convert(folder: Path, file: Path, case: GgufCase) -> None:
    """Without a tokenizer, which tiny checkpoints have not."""
    from conversion import ModelType, get_model_architecture, get_model_class
    from conversion.base import ModelBase
    from gguf import LlamaFileType

    load = ModelBase.load_hparams
    raw = json.loads((folder / "config.json").read_text())

    def merged(*args: Any, **kwargs: Any) -> dict[str, Any]:
        """With keys as first files have them, without those that these lack or that tiny checkpoints set to null."""
        both = {**raw, **load(*args, **kwargs)}
        text = both.get("text_config", both)
        text.update(deepcopy(dict(case.first_files)))
        for key in {*case.first_files, "rms_norm_eps"}:
            if text.get(key, 0) is None:
                del text[key]
        return both

    ModelBase.load_hparams = staticmethod(merged)
    try:
        kind = get_model_class(get_model_architecture(ModelBase.load_hparams(folder, False), ModelType.TEXT))
        for each in kind.__mro__:
            if "set_vocab" in vars(each):
                each.set_vocab = lambda self: self.gguf_writer.add_tokenizer_model("none")
        kind.no_mtp = kind.supports_mtp_export and not case.with_head
        with torch.inference_mode():
            kind(folder, LlamaFileType.ALL_F32, file, eager=True).write()
    finally:
        ModelBase.load_hparams = staticmethod(load)


def _recipe(folder: Path, file: Path) -> dict[str, Any]:
    from gguf import GGUFReader

    before: dict[str, Float32] = {}
    for part in sorted(folder.glob("*.safetensors")):
        before |= {name: np.asarray(array, np.float32) for name, array in load_file(part).items()}
    reader = GGUFReader(file)
    metadata = {
        field.name: _plain(field.contents())
        for field in reader.fields.values()
        if not field.name.startswith(_SKIPPED) or field.name == _KEPT
    }
    steps: list[tuple[str, Any]] = []
    for tensor in reader.tensors:
        after = np.asarray(tensor.data).reshape([int(size) for size in reversed(tensor.shape)])
        step = _step(after, before)
        assert np.allclose(made(step, before), after, rtol=ROUNDING, atol=0), tensor.name
        steps.append((tensor.name, step))
    return {"metadata": metadata, "tensors": _by_layers(steps)}


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def _step(after: Float32, before: Mapping[str, Float32]) -> Any:
    """How a tensor follows from the others."""
    for step in _whole(after, before):
        return step
    if after.ndim == 3:
        return _stack([_step(place, before) for place in after])
    whole = {name: array for name, array in before.items() if array.ndim == after.ndim}
    flat = {(name, None): array.reshape(-1, array.shape[-1]) for name, array in before.items() if array.ndim == 3}
    places = {(name, e): place for name, array in before.items() if array.ndim == 3 for e, place in enumerate(array)}
    candidates = {(name,): array for name, array in whole.items()} | (flat | places if after.ndim == 2 else {})
    if (step := _by_rows(after, candidates)) is not None:
        return step
    if after.ndim == 2:
        if (step := _by_rows(after.T, candidates)) is not None:
            return ["turned", step]
        turned = {name: array.T for name, array in candidates.items()}
        for what, rows in (("columns", after.T), ("turned columns", after)):
            if (step := _by_rows(rows, turned)) is not None and step[0] == "rows":
                return [what, *step[1:]]
    print("  numbers", after.shape)
    return ["numbers", after.tolist()]


def _whole(after: Float32, before: Mapping[str, Float32]) -> Iterator[Any]:
    """Of all of one tensor."""
    alike = {name: array for name, array in before.items() if array.size == after.size}
    for name, array in alike.items():
        shaped: Any = name if array.shape == after.shape else ["shaped", list(after.shape), name]
        array = array.reshape(after.shape)
        if np.array_equal(array, after):
            yield shaped
        elif np.array_equal(array + np.float32(1), after):
            yield ["plus one", shaped]
        elif np.allclose(-np.exp(array), after, rtol=ROUNDING, atol=0):
            yield ["minus exp", shaped]
        for heads in range(1, 17):
            if after.shape[0] % (2 * heads) == 0:
                step = ["paired", heads, shaped]
                if np.array_equal(made(step, before), after):
                    yield step
    for name, array in alike.items():
        if array.ndim > 1 and np.array_equal(array.swapaxes(-1, -2), after):
            yield ["turned", name]


def _by_rows(after: Float32, before: Mapping[tuple[Any, ...], Float32]) -> Any:
    """Of rows of one or several tensors, or of a place of a stack, in any order."""
    homes: dict[bytes, list[tuple[tuple[Any, ...], int]]] = {}
    for name, array in before.items():
        if array.shape[1:] == after.shape[1:]:
            for i, row in enumerate(np.ascontiguousarray(array)):
                homes.setdefault(row.tobytes(), []).append((name, i))
    rows = [homes.get(row.tobytes(), []) for row in np.ascontiguousarray(after)]
    if not all(rows):
        return None
    alone = [name for name, _ in rows[0] if all(name in dict(each) for each in rows)]
    name = max(alone, key=len, default=None)
    found = [(each[0] if name is None else (name, dict(each)[name])) for each in rows]
    parts: list[Any] = []
    for home, place in found:
        if not parts or parts[-1][0] != home:
            parts.append((home, []))
        parts[-1][1].append(place)
    steps = [_rows(places, home, before[home]) for home, places in parts]
    return steps[0] if len(steps) == 1 else ["joined", steps]


def _rows(places: list[int], home: tuple[Any, ...], of: Float32) -> Any:
    """Of one tensor; all of it where nothing is left out."""
    name, *place = home
    step: Any = name
    if place:
        step = ["shaped", [-1, of.shape[-1]], name] if place[0] is None else ["place", place[0], name]
    runs: list[list[int]] = []  # the first row, how many follow, and how far apart
    for row in places:
        if runs and runs[-1][1] == 1:
            runs[-1][2] = row - runs[-1][0]
        if runs and runs[-1][2] > 0 and row == runs[-1][0] + runs[-1][1] * runs[-1][2]:
            runs[-1][1] += 1
        else:
            runs.append([row, 1, 1])
    return ["rows", runs, step]


def _stack(steps: list[Any]) -> Any:
    """Places of a stack; where they differ in a number of their names alone, one with {e} for it."""
    texts = [json.dumps(step) for step in steps]
    for number in re.finditer(r"\.0\.", texts[0]):
        general = f"{texts[0][: number.start()]}.{{e}}.{texts[0][number.end() :]}"
        if texts == [general.replace("{e}", str(e)) for e in range(len(texts))]:
            return ["experts", len(texts), json.loads(general)]
    return ["stack", steps]


def _by_layers(steps: list[tuple[str, Any]]) -> list[list[Any]]:
    """The same steps of several layers in one line."""
    lines: dict[str, list[Any]] = {}
    for name, step in steps:
        layer = re.match(r"blk\.(\d+)\.", name)
        if layer is None:
            lines[json.dumps([name, step])] = [name, [], step]
            continue
        general = name.replace(layer[0], "blk.{i}.", 1)
        numbered = _numbered(step, layer[1])
        key = json.dumps([general, numbered])
        lines.setdefault(key, [general, [], numbered])[1].append(int(layer[1]))
    return list(lines.values())


def _numbered(step: Any, layer: str) -> Any:
    """With {i} for the number of the layer, the first number in a name."""
    if isinstance(step, str):
        return re.sub(rf"\.{layer}\.", ".{i}.", step, count=1)
    return [_numbered(each, layer) for each in step] if isinstance(step, list) else step


def _written(recipe: Mapping[str, Any]) -> str:
    """A key or a tensor a line."""
    parts = []
    for key, value in recipe.items():
        if isinstance(value, dict) and value:
            inner = ",\n".join(f"    {json.dumps(name)}: {json.dumps(each)}" for name, each in value.items())
            parts.append(f'  "{key}": {{\n{inner}\n  }}')
        elif isinstance(value, list):
            inner = ",\n".join(f"    {json.dumps(each)}" for each in value)
            parts.append(f'  "{key}": [\n{inner}\n  ]')
        else:
            parts.append(f'  "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    main()
