"""How far formats are from a model in float32, ours beside llama.cpp's types of the same weights: bits, KL divergence
and equal top-1 over one text, all read by this program.

    python bench/quality.py off-grid FOLDER OUT            the model with noise of half a step of 4 bits on its matrices
    python bench/quality.py importance FOLDER FILE         what llama-quantize takes as --imatrix, of random tokens
    python bench/quality.py measure FOLDER TEXT FORMAT…    formats of ours, GGUF files made of FOLDER: a table

A published model may lie on a grid of 4 bits already, which formats with the same groups would find again; hence the
noise. The random tokens are those that our own formats are calibrated with. GGUF files are made by
bench/peers/gguf_model.py and llama-quantize.
"""

from __future__ import annotations

import shutil
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import causerie
from causerie.loading.calibration import random_texts
from causerie.plan.quality import Quality, Scores, compare

WINDOW, WINDOWS = 512, 3
NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_off_grid(folder: Path, out: Path) -> None:
    """A copy of a folder with one safetensors file; each 32 weights of a row get uniform noise of their range / 15."""
    from safetensors.torch import load_file, save_file

    out.mkdir(parents=True, exist_ok=True)
    draw, tensors = np.random.default_rng(0), load_file(folder / "model.safetensors")
    for name, tensor in tensors.items():
        if tensor.dim() == 2:
            groups = tensor.float().numpy().reshape(tensor.shape[0], -1, 32)
            step = (groups.max(-1, keepdims=True) - groups.min(-1, keepdims=True)) / 15
            noise = draw.uniform(-0.5, 0.5, groups.shape).astype(np.float32) * step
            tensors[name] = tensor.new_tensor((groups + noise).reshape(tensor.shape))
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    for file in folder.iterdir():
        if file.suffix in (".json", ".jinja"):
            shutil.copy(file, out)


def write_importance(folder: Path, file: Path) -> None:
    """The mean squares of the inputs of a llama model's matrices, in llama.cpp's older form."""
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    squares: dict[str, NDArray[np.float32]] = {}

    def watch(name: str) -> Any:
        def note(_: Any, inputs: Any, __: Any) -> None:
            squares[name] = inputs[0].flatten(0, -2).square().mean(0).numpy()

        return note

    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_hook(watch(name))
    texts = random_texts(model.config.vocab_size, model.config.max_position_embeddings)
    with torch.no_grad():
        model(torch.tensor(np.stack(texts).astype(np.int64)))
    _write_entries(file, squares)


def _write_entries(file: Path, squares: dict[str, NDArray[np.float32]]) -> None:
    entries = []
    for name, values in squares.items():
        if name == "lm_head":
            entries += [("output.weight", values), ("token_embd.weight", values)]
            continue
        layer, own = name.removeprefix("model.layers.").split(".", 1)
        entries.append((f"blk.{layer}.{NAMES[own]}.weight", values))
    with file.open("wb") as out:
        out.write(struct.pack("<i", len(entries)))
        for name, values in entries:
            out.write(struct.pack("<i", len(name)) + name.encode() + struct.pack("<ii", 1, len(values)))
            out.write(values.astype("<f4").tobytes())


def measure(folder: Path, text: Path, formats: Sequence[str]) -> None:
    """Prints the rows of a table, as they come."""
    tokens = causerie.AutoTokenizer.from_pretrained(folder)(text.read_text())["input_ids"]
    windows = [tokens[start : start + WINDOW] for start in range(0, len(tokens), WINDOW)][:WINDOWS]
    options: dict[str, Any] = {"device_map": "cpu", "progress": False, "max_cache_tokens": WINDOW + 64}
    with causerie.AutoModelForCausalLM.from_pretrained(folder, dtype="float32", **options) as model:
        reference, weights = _logits(model, windows), model.num_parameters()
    print("| | bits a weight | KL divergence | same top-1 |\n|---|---|---|---|")
    for name in formats:
        file = name if name.endswith(".gguf") else None
        own: dict[str, Any] = {} if file else {"quantization": name}
        with causerie.AutoModelForCausalLM.from_pretrained(file or folder, **own, **options) as model:
            pairs = zip(reference, _logits(model, windows), windows, strict=True)
            quality = Quality.of(Scores.joined([compare(p, q, [0] * len(window)) for p, q, window in pairs]))
            bits = 8 * model.get_memory_footprint() / weights
        kl, same = quality.divergence, quality.same
        shown = f"{kl.value:.4f} ± {kl.error:.4f} | {100 * same.value:.1f} ± {100 * same.error:.1f} %"
        print(f"| {Path(name).stem if file else name} | {bits:.2f} | {shown} |", flush=True)


def _logits(model: Any, windows: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
    return [np.asarray(model(input_ids=np.array([window])).logits)[0] for window in windows]


def main(words: Sequence[str]) -> None:
    """Raises SystemExit for words that name nothing to do."""
    match words:
        case ["off-grid", folder, out]:
            write_off_grid(Path(folder), Path(out))
        case ["importance", folder, file]:
            write_importance(Path(folder), Path(file))
        case ["measure", folder, text, *formats] if formats:
            measure(Path(folder), Path(text), formats)
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
