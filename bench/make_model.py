"""A model folder with the shapes of a released model, random weights and an artificial tokenizer: for measuring speed.

    python bench/make_model.py NAME FOLDER        tiny, qwen2.5-0.5b, llama-3.2-1b, tiny-gpt-oss,
                                                  gpt-oss-4-layers, tiny-qwen3-moe or qwen3-30b-a3b
        --layers N, --experts N                   so many instead
        --prepared FORMAT                         quantized, as `causerie prepare` writes it; in
                                                  memory is one matrix at a time

gpt-oss-4-layers is gpt-oss-20b with a sixth of its layers and of its vocabulary, and its experts in MXFP4, as it is
published. qwen3-30b-a3b is for --prepared int4: 17 GB on the disk instead of 61. peers/gguf_random.py makes
llama.cpp's file of that folder.

Speed depends on shapes and formats, not on what the numbers mean, so nothing need be downloaded. Weights are normal
with a deviation of 0.02, as at the beginning of a training; the tokenizer is byte-level BPE of the released one's size,
whose merges join the bytes of English first. Knows no engine; writes the files that all of them read. Those that one
reads are prepared_model.py's.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import islice, product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from model_shapes import SHAPES, SPECIAL, config, is_bytes, tensors, used_tokens
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from causerie.checkpoint.stream import SafetensorsStream

LIKELY = " etaoinshrdlucmfwypvbgkjqxz\nETAOINSHRDLUCMFWYPVBGKJQXZ0123456789.,'\"-?!:;()"
TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
SCALE = 120  # the byte of 2^-7, by which the values of MXFP4 have a deviation of 0.02, too


def weights(found: dict[str, Any], seed: int = 0) -> Iterator[tuple[str, NDArray[Any]]]:
    """Random values of every tensor, as the bits of bfloat16 or the bytes of MXFP4; those of norms are near 1."""
    generator = np.random.default_rng(seed)
    for name, size in tensors(found):
        if is_bytes(name):
            codes = name.endswith("_blocks")
            yield name, generator.integers(0, 256, size, np.uint8) if codes else np.full(size, SCALE, np.uint8)
            continue
        values = generator.standard_normal(size, dtype=np.float32) * np.float32(0.02)
        if "norm" in name:
            values += 1
        yield name, (values.view(np.uint32) >> 16).astype(np.uint16)


def tokenizer(vocab: int) -> Tokenizer:
    """Byte-level BPE of `used_tokens(vocab)` tokens, the special ones last. Merges join two bytes, then three."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    # ByteLevel spells each byte as one printable character: itself where it is one, else one of these.
    spelled = {" ": "Ġ", "\n": "Ċ"}
    first = list(dict.fromkeys(spelled.get(letter, letter) for letter in LIKELY))
    order = first + [letter for letter in alphabet if letter not in first]
    pairs = sorted(product(range(256), repeat=2), key=lambda pair: (max(pair), pair))
    twos = [(order[a], order[b]) for a, b in pairs]
    threes = ((a + b, c) for c in order for a, b in twos)
    merges = list(islice((merge for part in (twos, threes) for merge in part), used_tokens(vocab) - 256 - len(SPECIAL)))
    entries = {token: i for i, token in enumerate([*alphabet, *(a + b for a, b in merges)])}
    made = Tokenizer(models.BPE(vocab=entries, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return made


def write(found: dict[str, Any], folder: Path) -> None:
    """Writes config.json and the weights, one tensor at a time."""
    declared = {name: ("U8" if is_bytes(name) else "BF16", size) for name, size in tensors(found)}
    with SafetensorsStream(folder / "model.safetensors", declared) as out:
        for name, tensor in weights(found):
            out.write(name, tensor)
    (folder / "config.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def options(words: list[str]) -> argparse.Namespace:
    """The command line, checked. Raises SystemExit."""
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("name", metavar="NAME", help="a shape")
    parse.add_argument("folder", metavar="FOLDER", type=Path, help="where to write it; made if it is not there")
    parse.add_argument("--layers", type=int, metavar="N", help="instead of the shape's")
    parse.add_argument("--experts", type=int, metavar="N", help="in each layer, instead of the shape's")
    parse.add_argument("--prepared", metavar="FORMAT", help="as causerie's kernels read it: int4, int8, ...")
    return parse.parse_args(words)


def main(words: list[str]) -> int:
    """Writes the folder that the command line asks for."""
    asked = options(words)
    if asked.name not in SHAPES:
        print(f"NAME is one of {', '.join(SHAPES)}; got {asked.name}.", file=sys.stderr)
        return 2
    folder: Path = asked.folder
    if folder.exists() and any(folder.iterdir()):
        print(f"{folder} is there and not empty. Name another folder, or remove it.", file=sys.stderr)
        return 2
    found = config(asked.name, asked.layers, asked.experts)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer(found["vocab_size"]).save(str(folder / "tokenizer.json"))
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    if asked.prepared is None:
        write(found, folder)
    else:
        from prepared_model import write_prepared

        write_prepared(found, dict(tensors(found)), folder, asked.prepared)
    count = sum(prod(size) * (2 if name.endswith("_blocks") else 1) for name, size in tensors(found))
    print(f"{asked.name}: {count / 1e6:.0f} M random weights in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
