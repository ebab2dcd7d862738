"""Writes a model folder of the llama or qwen2 family as a GGUF file in bfloat16, the form llama.cpp reads.

    python gguf_model.py FOLDER FILE.gguf           in the llama_cpp environment

For measuring: weights, sizes and the byte-level BPE vocabulary are carried over, so that the file computes what the
folder does; scaled rotations are refused. llama.cpp's own llama-quantize makes the 8- and 4-bit files of this one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

LAYER = {
    "input_layernorm.weight": "attn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.q_proj.bias": "attn_q.bias",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.k_proj.bias": "attn_k.bias",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.v_proj.bias": "attn_v.bias",
    "self_attn.o_proj.weight": "attn_output.weight",
    "post_attention_layernorm.weight": "ffn_norm.weight",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
}
WHOLE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
NORMAL, CONTROL, UNUSED = 1, 3, 5


def gguf_name(name: str) -> str:
    """llama.cpp's name of a tensor. Raises SystemExit for one it has no place for."""
    if name in WHOLE:
        return WHOLE[name]
    _, _, rest = name.partition("model.layers.")
    number, _, inner = rest.partition(".")
    if inner not in LAYER:
        raise SystemExit(f"{name} is no tensor of the llama or qwen2 family.")
    return f"blk.{number}.{LAYER[inner]}"


def tensors(folder: Path) -> dict[str, NDArray[np.uint16]]:
    """The bfloat16 tensors of the folder's safetensors files, as bits mapped from the disk."""
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size))
        data = np.memmap(path, np.uint8, "r", 8 + size)
        for name, about in header.items():
            if name == "__metadata__":
                continue
            if about["dtype"] != "BF16":
                raise SystemExit(f"{name} is stored as {about['dtype']}; BF16 was expected.")
            begin, end = about["data_offsets"]
            found[name] = data[begin:end].view(np.uint16).reshape(about["shape"])
    return found


def interleaved(bits: NDArray[np.uint16], heads: int) -> NDArray[np.uint16]:
    """Rows of each head in the order that llama.cpp turns them in for this family: i and i + dims/2 side by side."""
    size = bits.shape[0] // heads // 2
    return bits.reshape(heads, 2, size, *bits.shape[1:]).swapaxes(1, 2).reshape(bits.shape)


def add_sizes(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    """What config.json says that the computation needs."""
    if config.get("rope_scaling"):
        raise SystemExit(f"rope_scaling is {config['rope_scaling']!r}; only plain rotations are written.")
    theta = config.get("rope_theta") or config["rope_parameters"]["rope_theta"]
    heads = config["num_attention_heads"]
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config.get("head_dim") or config["hidden_size"] // heads)
    writer.add_rope_freq_base(theta)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)


def add_vocabulary(writer: gguf.GGUFWriter, folder: Path, config: dict[str, Any]) -> None:
    """The tokens and merges of tokenizer.json, filled up to the size of the embedding."""
    found = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    about = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    tokens = {number: (text, NORMAL) for text, number in found["model"]["vocab"].items()}
    tokens |= {each["id"]: (each["content"], CONTROL) for each in found["added_tokens"]}
    whole = [tokens.get(number, (f"[unused {number}]", UNUSED)) for number in range(config["vocab_size"])]
    merges = found["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2" if config["model_type"] == "qwen2" else "llama-bpe")
    writer.add_token_list([text for text, _ in whole])
    writer.add_token_types([kind for _, kind in whole])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(False)
    template = folder / "chat_template.jinja"
    if template.is_file() or about.get("chat_template"):
        writer.add_chat_template(template.read_text(encoding="utf-8") if template.is_file() else about["chat_template"])


def write(folder: Path, target: Path) -> None:
    """Writes the file, under another name until it is whole."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    family = config["model_type"]
    if family not in ("llama", "qwen2"):
        raise SystemExit(f"{folder.name} is of the family {family}; llama and qwen2 can be written.")
    part = target.with_suffix(".part")
    writer = gguf.GGUFWriter(part, family)
    add_sizes(writer, config)
    add_vocabulary(writer, folder, config)
    heads = {"q_proj.weight": config["num_attention_heads"], "k_proj.weight": config["num_key_value_heads"]}
    for name, bits in tensors(folder).items():
        turned = heads.get(name.rpartition("self_attn.")[2])
        if family == "llama" and turned:
            bits = interleaved(bits, turned)
        if bits.ndim == 1:  # norms and biases are kept in float32
            writer.add_tensor(gguf_name(name), (bits.astype(np.uint32) << 16).view(np.float32))
        else:
            raw = np.ascontiguousarray(bits).view(np.uint8)
            writer.add_tensor(gguf_name(name), raw, raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(target)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write(Path(sys.argv[1]), Path(sys.argv[2]))
