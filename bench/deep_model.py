"""Makes a larger model of a small one, which says the same: its layers again and again, of which the further ones add
nothing.

    python bench/deep_model.py FOLDER TARGET [--times N]

For measuring draft models on real text without a second trained model: the small one, as it is or in fewer bits, is a
well-matched draft model of the large one by construction, and all weights of the large one are read for each token. The
matrices that write into the residual stream are zero in what is added; all others are copies. Knows one file of
safetensors with layers named `model.layers.N.`, as the llama family has them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import struct
from pathlib import Path
from typing import Any

PREFIX = "model.layers."
WRITING = ("o_proj.weight", "down_proj.weight")  # into the residual stream
SHARED = "tokenizer*", "chat_template*", "generation_config*", "special_tokens*", "vocab*", "merges*"


def read(file: Path) -> tuple[dict[str, Any], bytes]:
    """The header and the data of a file of safetensors."""
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    return header, content[8 + length :]


def deepened(header: dict[str, Any], data: bytes, times: int) -> tuple[dict[str, Any], list[bytes]]:
    """The same of a model with `times` as many layers."""
    layers = 1 + max(int(name.removeprefix(PREFIX).split(".")[0]) for name in header if name.startswith(PREFIX))
    new: dict[str, Any] = {}
    parts: list[bytes] = []
    end = 0
    for name, tensor in header.items():
        start, stop = tensor["data_offsets"]
        number, _, rest = name.removeprefix(PREFIX).partition(".")
        copies = range(times) if name.startswith(PREFIX) else range(1)
        for copy in copies:
            part = bytes(stop - start) if copy and name.endswith(WRITING) else data[start:stop]
            called = f"{PREFIX}{int(number) + copy * layers}.{rest}" if name.startswith(PREFIX) else name
            new[called] = {**tensor, "data_offsets": [end, end + len(part)]}
            parts.append(part)
            end += len(part)
    return new, parts


def main() -> None:
    """Writes the folder."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("target", type=Path)
    options.add_argument("--times", type=int, default=4)
    wishes = options.parse_args()
    wishes.target.mkdir(parents=True, exist_ok=True)
    config = json.loads((wishes.folder / "config.json").read_text())
    config["num_hidden_layers"] *= wishes.times
    (wishes.target / "config.json").write_text(json.dumps(config, indent=2))
    for pattern in SHARED:
        for file in wishes.folder.glob(pattern):
            shutil.copy(file, wishes.target)
    header, parts = deepened(*read(wishes.folder / "model.safetensors"), wishes.times)
    packed = json.dumps(header).encode()
    packed += b" " * (-len(packed) % 8)
    with (wishes.target / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(packed)) + packed)
        for part in parts:
            file.write(part)


if __name__ == "__main__":
    main()
