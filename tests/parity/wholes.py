"""Makes tiny models that see pictures, as transformers writes them, and as their first files were. Knows no backend."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch

from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.models.config import read_config
from tests.parity.cases.pictures import TEXT, Pictures

FIRST_FILES = ("qwen2_vl", "qwen2_5_vl")  # those whose first files have another layout


def whole_of(pictures: Pictures) -> Any:
    """transformers' model with random weights, norms that are not one and biases that are not zero."""
    from transformers import AutoConfig, AutoModelForImageTextToText

    config = AutoConfig.for_model(
        pictures.name, text_config=TEXT | pictures.text, vision_config=pictures.vision, **pictures.whole
    )
    torch.manual_seed(5)
    model = AutoModelForImageTextToText.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.uniform_(0.4, 1.6)
            else:
                weight.normal_(std=0.5 if weight.ndim == 1 else 1.5 * weight.shape[1] ** -0.5)
        for name, buffer in model.named_buffers():
            if name.endswith("correction_bias"):
                buffer.normal_(std=0.3)
    return model


def save_first_files(whole: Path, folder: Path) -> Path:
    """A copy of the folder `whole` as first files are: their configs have the numbers of the text model at
    the top, and their names have no word for it."""
    shutil.copytree(whole, folder)
    with SafetensorsIndex.open(whole) as index:
        tensors = {_first_name(name): index.read(name) for name in index.names()}
    write_safetensors(folder / "model.safetensors", tensors)
    config = read_config(folder)
    text = config.pop("text_config")
    rope = text.pop("rope_parameters")
    scaling = {"type": "mrope", "mrope_section": rope["mrope_section"]}
    first = {"model_type": config["model_type"], "rope_theta": rope["rope_theta"], "rope_scaling": scaling}
    (folder / "config.json").write_text(json.dumps(config | text | first | {"vision_token_id": 125}))
    return folder


def _first_name(name: str) -> str:
    return name.replace("model.language_model.", "model.").replace("model.visual.", "visual.")
