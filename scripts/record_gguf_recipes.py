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
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from tests.parity.cases import TINY
from tests.parity.gguf_cases import GGUF_CASES, save_gguf_case
from tests.parity.gguf_recipe import FOLDER, made

Float32 = NDArray[np.float32]
_SKIPPED = ("general.", "tokenizer.", "GGUF.", "split.")
_KEPT = "general.architecture"


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
            _convert(path, file)
            recipe = {"case": case.case, "changes": case.changes, "first_files": case.first_files}
            text = _written(recipe | _recipe(path, file))
            (FOLDER / f"{case.name}.json").write_text(text, encoding="utf-8")
            print(case.name, len(text))


def _convert(folder: Path, file: Path) -> None:
    """Without a tokenizer, which tiny checkpoints have not."""
    from conversion import ModelType, get_model_architecture, get_model_class
    from conversion.base import ModelBase
    from gguf import LlamaFileType

    config = ModelBase.load_hparams(folder, False)
    kind = get_model_class(get_model_architecture(config, ModelType.TEXT))
    for each in kind.__mro__:
        if "set_vocab" in vars(each):
            each.set_vocab = lambda self: self.gguf_writer.add_tokenizer_model("none")
    with torch.inference_mode():
        kind(folder, LlamaFileType.ALL_F32, file, eager=True).write()


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
        assert np.array_equal(made(step, before), after), tensor.name
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
    if after.ndim == 2 and (step := _by_rows(after, before)) is not None:
        return step
    if after.ndim == 2 and (step := _by_columns(after, before)) is not None:
        return step
    if after.ndim == 1 and (step := _by_rows(after, before)) is not None:
        return step
    if after.ndim == 2 and (step := _by_rows(np.ascontiguousarray(after.T), before)) is not None:
        return ["turned", step]
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
        elif np.array_equal(-np.exp(array), after):
            yield ["minus exp", shaped]
        for heads in range(1, 17):
            if after.shape[0] % (2 * heads) == 0:
                step = ["paired", heads, shaped]
                if np.array_equal(made(step, before), after):
                    yield step
    for name, array in alike.items():
        if array.ndim > 1 and np.array_equal(array.swapaxes(-1, -2), after):
            yield ["turned", name]


def _by_rows(after: Float32, before: Mapping[str, Float32]) -> Any:
    """Of rows of one or several tensors, in any order."""
    places: dict[bytes, tuple[str, int]] = {}
    for name, array in before.items():
        if array.ndim == 3 and after.ndim == 2:
            array = array.reshape(-1, array.shape[-1])
        if array.ndim == after.ndim and array.shape[1:] == after.shape[1:]:
            places |= {row.tobytes(): (name, i) for i, row in enumerate(np.ascontiguousarray(array))}
    runs: list[list[Any]] = []
    for row in np.ascontiguousarray(after):
        if row.tobytes() not in places:
            return None
        name, place = places[row.tobytes()]
        if runs and runs[-1][0] == name and runs[-1][1] + runs[-1][2] == place:
            runs[-1][2] += 1
        else:
            runs.append([name, place, 1])
    parts: list[Any] = []
    for name, place, length in runs:
        if parts and parts[-1][2] == name:
            parts[-1][1].append([place, length])
        else:
            parts.append(["rows", [[place, length]], name])
    for part in parts:
        array = before[part[2]]
        if array.ndim == 3 and after.ndim == 2:
            part[2] = ["shaped", [-1, array.shape[-1]], part[2]]
    parts = [of if runs == [[0, len(made(of, before))]] else [what, runs, of] for what, runs, of in parts]
    return parts[0] if len(parts) == 1 else ["joined", parts]


def _stack(steps: list[Any]) -> Any:
    """Places of a stack; where they differ in a number of their names alone, one with {e} for it."""
    texts = [json.dumps(step) for step in steps]
    for number in re.finditer(r"\.0\.", texts[0]):
        general = f"{texts[0][: number.start()]}.{{e}}.{texts[0][number.end() :]}"
        if texts == [general.replace("{e}", str(e)) for e in range(len(texts))]:
            return ["experts", len(texts), json.loads(general)]
    return ["stack", steps]


def _by_columns(after: Float32, before: Mapping[str, Float32]) -> Any:
    step = _by_rows(np.ascontiguousarray(after.T), {name: array.T for name, array in before.items() if array.ndim == 2})
    if isinstance(step, list) and step[0] == "rows":
        return ["columns", *step[1:]]
    return None


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
