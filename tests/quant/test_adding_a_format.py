"""docs/adding-a-format.md is true: the entry that it shows, listed, is a format that checkpoints are loaded in."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from causerie.checkpoint.writer import write_safetensors
from causerie.quant.code_bits import CodeBits, Plane
from causerie.quant.formats import QUANTIZED
from causerie.quant.numbers import Numbers
from causerie.quant.packed_format import PackedFormat
from tests.parity.harness import backend_or_none, prompt_logits, some_tokens
from tests.quant.conftest import loaded
from tests.quant.test_loading import tensors

NAME = "model.layers.1.mlp.down_proj.weight"


@pytest.fixture
def mirror4(project: Path, monkeypatch: pytest.MonkeyPatch) -> PackedFormat:
    """The entry of the document, in the list."""
    document = (project / "docs" / "adding-a-format.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    names = {"PackedFormat": PackedFormat, "CodeBits": CodeBits, "Plane": Plane, "Numbers": Numbers}
    exec(shown, names)
    format = names["MIRROR4"]
    assert isinstance(format, PackedFormat)
    monkeypatch.setitem(QUANTIZED, format.name, format)
    return format


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_one_entry_is_a_format(backend: str, mirror4: PackedFormat, untied: Path, tmp_path: Path) -> None:
    draw, arrays = np.random.default_rng(0), tensors(untied)
    rows, width = arrays[NAME].shape
    codes = draw.integers(0, 256, (rows, width // 2)).astype(np.uint8)
    scale = draw.uniform(0.01, 0.02, (rows, width // 32)).astype(np.float16)
    blocks = codes.reshape(rows, -1, 16)
    numbers = np.concatenate((blocks & 15, blocks >> 4), axis=-1).astype(np.float32) - 8
    arrays[NAME] = (numbers * scale[..., None].astype(np.float32)).reshape(rows, width)
    assert np.array_equal(mirror4.decode({"codes": codes, "scale": scale}, (rows, width)), arrays[NAME])

    for folder in ("plain", "packed"):
        shutil.copytree(untied, tmp_path / folder)
        write_safetensors(tmp_path / folder / "model.safetensors", arrays)
    del arrays[NAME]
    arrays |= {f"{NAME}.codes": codes, f"{NAME}.scale": scale}
    write_safetensors(tmp_path / "packed" / "model.safetensors", arrays)
    file = tmp_path / "packed" / "config.json"
    said = {"quant_method": "causerie", "version": 1, "weights": {NAME: "mirror4"}}
    file.write_text(json.dumps(json.loads(file.read_text()) | {"quantization_config": said}))

    model = loaded(tmp_path / "packed", None, backend_or_none(backend))
    assert model.quantization == "mirror4"
    plain = loaded(tmp_path / "plain", None, backend_or_none(backend))
    found, expected = (prompt_logits(each, [some_tokens(12)])[0] for each in (model, plain))
    # The kernels read this matrix's inputs in 8 bits.
    assert np.abs(found - expected).max() < (2e-5 if backend == "torch" else 0.02 * np.abs(expected).max())
