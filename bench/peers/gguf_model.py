"""Writes a model folder of one of four families as a GGUF file in bfloat16, the form llama.cpp reads; what a folder
holds in MXFP4 stays so.

    python gguf_model.py FOLDER FILE.gguf           in the llama_cpp environment

For measuring: weights, sizes and the byte-level BPE vocabulary are carried over, so that the file computes what the
folder does. llama.cpp's own llama-quantize makes the 8- and 4-bit files of this one. Experts are gguf_experts.py's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf_experts import STACKED, add_expert_sizes, gathered
from numpy.typing import NDArray

FAMILIES = {"llama": "llama", "qwen2": "qwen2", "qwen3_moe": "qwen3moe", "gpt_oss": "gpt-oss"}  # ours and llama.cpp's
LAYER = {
    "input_layernorm.weight": "attn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.q_proj.bias": "attn_q.bias",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.k_proj.bias": "attn_k.bias",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.v_proj.bias": "attn_v.bias",
    "self_attn.o_proj.weight": "attn_output.weight",
    "self_attn.o_proj.bias": "attn_output.bias",
    "self_attn.q_norm.weight": "attn_q_norm.weight",
    "self_attn.k_norm.weight": "attn_k_norm.weight",
    "self_attn.sinks": "attn_sinks.weight",
    "post_attention_layernorm.weight": "ffn_norm.weight",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
    "mlp.gate.weight": "ffn_gate_inp.weight",
    "mlp.router.weight": "ffn_gate_inp.weight",
    "mlp.router.bias": "ffn_gate_inp.bias",
    **{f"mlp.experts.{part}": f"ffn_{part.replace('.', '_exps.')}" for part in STACKED},
}
OTHERWISE = {("gpt_oss", "ffn_norm.weight"): "post_attention_norm.weight"}
WHOLE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
NORMAL, CONTROL, UNUSED = 1, 3, 5
FLOAT32 = ("_bias", "bias", "mlp.gate.weight", "mlp.router.weight")  # and what has one axis: llama.cpp adds in it
STORED = {"BF16": np.uint16, "U8": np.uint8}


def gguf_name(name: str, family: str) -> str:
    """llama.cpp's name of a tensor. Raises SystemExit for one it has no place for."""
    if name in WHOLE:
        return WHOLE[name]
    _, _, rest = name.partition("model.layers.")
    number, _, inner = rest.partition(".")
    if inner not in LAYER:
        raise SystemExit(f"{name} is no tensor that is known of {family}.")
    return f"blk.{number}.{OTHERWISE.get((family, LAYER[inner]), LAYER[inner])}"


def tensors(folder: Path) -> dict[str, NDArray[Any]]:
    """The tensors of the folder's safetensors files, bfloat16 as bits, mapped from the disk."""
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size))
        data = np.memmap(path, np.uint8, "r", 8 + size)
        for name, about in header.items():
            if name == "__metadata__":
                continue
            if about["dtype"] not in STORED:
                raise SystemExit(f"{name} is stored as {about['dtype']}; one of {', '.join(STORED)} was expected.")
            begin, end = about["data_offsets"]
            found[name] = data[begin:end].view(STORED[about["dtype"]]).reshape(about["shape"])
    return found


def interleaved(bits: NDArray[np.uint16], heads: int) -> NDArray[np.uint16]:
    """Rows of each head in the order that llama.cpp turns them in for this family: i and i + dims/2 side by side."""
    size = bits.shape[0] // heads // 2
    return bits.reshape(heads, 2, size, *bits.shape[1:]).swapaxes(1, 2).reshape(bits.shape)


def add_sizes(
    writer: gguf.GGUFWriter,
    config: dict[str, Any],
    file_type: gguf.LlamaFileType = gguf.LlamaFileType.MOSTLY_BF16,
) -> None:
    """What config.json says that the computation needs."""
    rope = {**(config.get("rope_scaling") or {}), **(config.get("rope_parameters") or {})}
    kind = rope.get("rope_type", "default")
    if kind == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    elif kind != "default":
        raise SystemExit(f"rotations are scaled by {kind!r}; only plain ones and 'yarn' are written.")
    theta = config.get("rope_theta") or rope["rope_theta"]
    heads = config["num_attention_heads"]
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    size = config.get("head_dim") or config["hidden_size"] // heads
    writer.add_rope_dimension_count(size)
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_rope_freq_base(theta)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    add_expert_sizes(writer, config)
    writer.add_file_type(file_type)


def add_vocabulary(writer: gguf.GGUFWriter, folder: Path, config: dict[str, Any]) -> None:
    """The tokens and merges of tokenizer.json, filled up to the size of the embedding."""
    found = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    about = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    tokens = {number: (text, NORMAL) for text, number in found["model"]["vocab"].items()}
    tokens |= {each["id"]: (each["content"], CONTROL) for each in found["added_tokens"]}
    whole = [tokens.get(number, (f"[unused {number}]", UNUSED)) for number in range(config["vocab_size"])]
    merges = found["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2" if config["model_type"].startswith("qwen") else "llama-bpe")
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
    if family not in FAMILIES:
        raise SystemExit(f"{folder.name} is of the family {family}; {', '.join(FAMILIES)} can be written.")
    part = target.with_suffix(".part")
    writer = gguf.GGUFWriter(part, FAMILIES[family])
    add_sizes(writer, config)
    add_vocabulary(writer, folder, config)
    heads = {"q_proj.weight": config["num_attention_heads"], "k_proj.weight": config["num_key_value_heads"]}
    for name, bits in gathered(tensors(folder)):
        turned = heads.get(name.rpartition("self_attn.")[2])
        if family == "llama" and turned:
            bits = interleaved(bits, turned)
        if bits.dtype == np.uint8:
            writer.add_tensor(gguf_name(name, family), bits, raw_dtype=gguf.GGMLQuantizationType.MXFP4)
        elif bits.ndim == 1 or name.endswith(FLOAT32):
            writer.add_tensor(gguf_name(name, family), (bits.astype(np.uint32) << 16).view(np.float32))
        else:
            raw = np.ascontiguousarray(bits).view(np.uint8)
            writer.add_tensor(gguf_name(name, family), raw, raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(target)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write(Path(sys.argv[1]), Path(sys.argv[2]))
