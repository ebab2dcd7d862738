"""The built-in model with other tokens: each of them has another number, and some pairs are not joined any more. It
says what the built-in model says, so that what it guesses for that one is right as far as the translation is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from causerie.builtin import builtin_model_path

UNJOINED = 300  # of the rarest pairs
_IDS = ("bos_token_id", "eos_token_id", "pad_token_id")


def relabelled(folder: Path, unjoined: int = UNJOINED, seed: int = 0) -> Path:
    """The folder, with that model in it; `seed` 0 leaves the numbers as they are."""
    source = Path(builtin_model_path())
    shutil.copytree(source, folder)
    file = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    vocab: dict[str, int] = file["model"]["vocab"]
    count = len(vocab)
    numbers = (
        torch.randperm(count, generator=torch.Generator().manual_seed(seed)) if seed else torch.arange(count)
    ).tolist()
    file["model"]["vocab"] = {name: numbers[number] for name, number in vocab.items()}
    file["model"]["merges"] = file["model"]["merges"][: len(file["model"]["merges"]) - unjoined]
    for token in file["added_tokens"]:
        token["id"] = numbers[token["id"]]
    file["added_tokens"].sort(key=lambda token: token["id"])
    (folder / "tokenizer.json").write_text(json.dumps(file), encoding="utf-8")
    for name in ("config.json", "generation_config.json"):
        config: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
        for key in _IDS:
            if isinstance(config.get(key), int):
                config[key] = numbers[config[key]]
            elif isinstance(config.get(key), list):
                config[key] = [numbers[token] for token in config[key]]
        (folder / name).write_text(json.dumps(config), encoding="utf-8")
    tensors = load_file(str(source / "model.safetensors"))
    for name, tensor in tensors.items():
        if name.endswith("embed_tokens.weight"):
            moved = torch.empty_like(tensor)
            moved[numbers] = tensor
            tensors[name] = moved
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    return folder
