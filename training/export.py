"""Write a trained network as a checkpoint folder of the field: `python -m training.export`.

The folder holds config.json, model.safetensors (bfloat16), tokenizer.json, tokenizer_config.json, chat_template.jinja
and generation_config.json; transformers loads the same folder.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from training.network import Network, Shape
from training.tokenizer import BEGIN, END, PAD, Encoder

TEMPLATE = Path(__file__).with_name("chat_template.jinja")


def load_network(path: Path, averaged: bool = True) -> Network:
    """The network of a saved run; its averaged weights, or the last ones."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    network = Network(Shape(**state["shape"]))
    network.load_state_dict(state["averaged" if averaged else "network"])
    return network.eval()


def rounded(network: Network) -> Network:
    """The same network with every weight rounded to bfloat16, as the checkpoint holds it; arithmetic stays float32."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(weight.bfloat16().float())
    return network


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_folder(network: Network, tokenizer: Path, out: Path) -> None:
    """Write the whole checkpoint beside `out` first, then put it in its place, so that `out` is never half-written."""
    partial = out.with_name(out.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    encoder = Encoder(tokenizer)
    weights = {name: weight.detach().bfloat16().contiguous() for name, weight in network.named_parameters()}
    save_file(weights, partial / "model.safetensors", metadata={"format": "pt"})
    write_json(partial / "config.json", network.shape.hf_config(encoder.begin, encoder.end, encoder.pad))
    ids = {"bos_token_id": encoder.begin, "eos_token_id": encoder.end, "pad_token_id": encoder.pad}
    write_json(partial / "generation_config.json", {**ids, "do_sample": False, "max_new_tokens": 200})
    write_json(
        partial / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": BEGIN,
            "eos_token": END,
            "pad_token": PAD,
            "padding_side": "left",
            "clean_up_tokenization_spaces": False,
            "model_max_length": network.shape.context,
        },
    )
    (partial / "model.safetensors").chmod(0o644)
    shutil.copyfile(tokenizer, partial / "tokenizer.json")
    shutil.copyfile(TEMPLATE, partial / "chat_template.jinja")
    if out.exists():
        shutil.rmtree(out)
    partial.rename(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/builtin"), help="of the run: state.pt and tokenizer.json"
    )
    parser.add_argument("--out", type=Path, default=Path("src/causerie/builtin/model"))
    parser.add_argument("--last", action="store_true", help="the last weights instead of their moving average")
    args = parser.parse_args()
    write_folder(load_network(args.folder / "state.pt", not args.last), args.folder / "tokenizer.json", args.out)
    size = sum(path.stat().st_size for path in args.out.iterdir())
    print(f"{args.out}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
