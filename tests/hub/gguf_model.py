"""Tiny llamas in GGUF files, written by the gguf package: whole, or in two parts."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import gguf
import numpy as np

WIDTH, HIDDEN, VOCAB, CONTEXT = 64, 96, 128, 256
HEADS, KV_HEADS, HEAD = 4, 2, 16


def shapes() -> dict[str, tuple[int, ...]]:
    """Of all tensors of one layer with a tied head, in GGUF's names."""
    return {
        "token_embd.weight": (VOCAB, WIDTH),
        "output_norm.weight": (WIDTH,),
        "blk.0.attn_norm.weight": (WIDTH,),
        "blk.0.attn_q.weight": (HEADS * HEAD, WIDTH),
        "blk.0.attn_k.weight": (KV_HEADS * HEAD, WIDTH),
        "blk.0.attn_v.weight": (KV_HEADS * HEAD, WIDTH),
        "blk.0.attn_output.weight": (WIDTH, HEADS * HEAD),
        "blk.0.ffn_norm.weight": (WIDTH,),
        "blk.0.ffn_gate.weight": (HIDDEN, WIDTH),
        "blk.0.ffn_up.weight": (HIDDEN, WIDTH),
        "blk.0.ffn_down.weight": (WIDTH, HIDDEN),
    }


PARAMETERS = sum(int(np.prod(shape)) for shape in shapes().values())


@cache
def tiny_gguf(seed: int = 0, kind: str = "Q8_0", parts: int = 1) -> tuple[bytes, ...]:
    """The files of one model, whose matrices are of that kind."""
    random = np.random.default_rng(seed)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        size = {} if parts == 1 else {"split_max_tensors": -(-len(shapes()) // parts)}
        writer = gguf.GGUFWriter(path, "llama", **size)  # type: ignore[arg-type]
        writer.add_block_count(1)
        writer.add_context_length(CONTEXT)
        writer.add_embedding_length(WIDTH)
        writer.add_feed_forward_length(HIDDEN)
        writer.add_head_count(HEADS)
        writer.add_head_count_kv(KV_HEADS)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_rope_dimension_count(HEAD)
        writer.add_vocab_size(VOCAB)
        writer.add_tokenizer_model("gpt2")
        for name, shape in shapes().items():
            values = random.standard_normal(shape).astype(np.float32) / 8
            if len(shape) == 1 or kind == "F32":
                writer.add_tensor(name, values)
            else:
                quantization = gguf.GGMLQuantizationType[kind]
                writer.add_tensor(name, gguf.quants.quantize(values, quantization), raw_dtype=quantization)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return tuple(file.read_bytes() for file in sorted(Path(folder).iterdir()))
