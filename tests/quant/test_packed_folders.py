"""What other programs quantized, in folders of ours: saved and prepared, with the same answers; its size from headers;
its answers alone, in chunks and in company."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie.api.auto import AutoModelForCausalLM
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.cli.main import main
from causerie.errors import Unsupported
from causerie.loading.load import survey
from causerie.models.config import read_config
from tests.parity.harness import backend_or_none, prompt_logits, save_case, some_tokens
from tests.quant import test_awq, test_compressed_tensors, test_fp8, test_gptq, test_mlx, test_modelopt
from tests.quant.conftest import loaded
from tests.quant.packed_checkpoints import Recipe, write_checkpoints

IDS = some_tokens(12)


def named(recipes: list[Recipe], name: str) -> Recipe:
    return next(recipe for recipe in recipes if recipe.name == name)


RECIPES = {
    "fp8": test_fp8.RECIPES[0],
    "awq": test_awq.RECIPES[0],
    "gptq": named(test_gptq.RECIPES, "3"),
    "compressed-tensors": named(test_compressed_tensors.RECIPES, "int4 zero points"),
    "nvfp4": named(test_compressed_tensors.RECIPES, "nvfp4"),
    "mlx": named(test_mlx.RECIPES, "all"),
    "modelopt": test_modelopt.RECIPES[0],
}
FORMATS = {
    "fp8": "fp8_128",
    "awq": "asym4_g64_f16",
    "gptq": "asym3_g64_f16",
    "compressed-tensors": "asym4_g128_f32",
    "nvfp4": "nvfp4_over",
    "mlx": "affine4_g64_bf16",
    "modelopt": "nvfp4",
}


@pytest.fixture(scope="module", params=RECIPES)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def packed(method: str, even: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoints(RECIPES[method], even, tmp_path_factory.mktemp("packed"))[0]


def logits_of(folder: Path, backend: str) -> NDArray[Any]:
    model = AutoModelForCausalLM.from_pretrained(folder, backend=backend)
    logits = np.asarray(model([IDS]).logits)
    model.close()
    return logits


def test_saved_and_prepared_models_are_the_same(packed: Path, tmp_path: Path) -> None:
    for backend in ("native", "torch"):
        expected = logits_of(packed, backend)
        model = AutoModelForCausalLM.from_pretrained(packed, backend=backend)
        model.save_pretrained(tmp_path / backend)
        if backend == "native":
            model.save_pretrained(tmp_path / "prepared", prepared=True)
            np.testing.assert_array_equal(logits_of(tmp_path / "prepared", backend), expected)
        model.close()
        np.testing.assert_array_equal(logits_of(tmp_path / backend, backend), expected)


def test_the_size_is_known_from_headers(method: str, packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with SafetensorsIndex.open(packed) as index:
        known = survey(index, read_config(packed))
        assert known.quantization == FORMATS[method]
        # Scales of blocks are held once for each output, and zero points as bytes.
        assert abs(known.nbytes / index.nbytes - 1) < 0.06
    assert main(["info", str(packed), "--json"]) == 0
    formats = {part["format"] for part in json.loads(capsys.readouterr().out)["weights"]}
    assert FORMATS[method] in formats


def test_the_same_in_chunks_and_in_company(packed: Path) -> None:
    model = loaded(packed, None, backend_or_none("native"))
    others = [some_tokens(11, 4), some_tokens(23, 5)]
    alone = [prompt_logits(model, [ids])[0] for ids in (IDS, *others)]
    for chunk in (None, 1, 7):
        together = prompt_logits(model, [IDS, *others], chunk)
        for one, expected in zip(together, alone, strict=True):
            np.testing.assert_array_equal(one, expected)


def test_what_is_made_of_values_is_saved_alone(tmp_path: Path) -> None:
    packed, _ = write_checkpoints(test_fp8.SMALL, save_case(test_fp8.LATENTS, tmp_path / "plain"), tmp_path)
    expected = logits_of(packed, "torch")
    model = AutoModelForCausalLM.from_pretrained(packed, backend="torch")
    model.save_pretrained(tmp_path / "saved")
    model.close()
    np.testing.assert_array_equal(logits_of(tmp_path / "saved", "torch"), expected)


def test_reordered_inputs_have_no_place_in_folders(even: Path, tmp_path: Path) -> None:
    packed, _ = write_checkpoints(named(test_gptq.RECIPES, "reordered"), even, tmp_path)
    model = AutoModelForCausalLM.from_pretrained(packed, backend="native")
    with pytest.raises(Unsupported, match=r"desc_act.*Copy the folder"):
        model.save_pretrained(tmp_path / "saved")
    with pytest.raises(Unsupported, match="cannot be prepared"):
        model.save_pretrained(tmp_path / "prepared", prepared=True)
    model.close()
