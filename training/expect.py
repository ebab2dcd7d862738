"""The greedy texts that every backend must give: `python -m training.expect`.

Reads the chats of expected_prompts.json, lets transformers answer them in float32 with the checkpoint folder, and
writes {"prompts": …, "texts": …}. It prints the smallest gap between the best and the second token over all steps:
where it is wide, rounding cannot change the text.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

PROMPTS = Path(__file__).with_name("expected_prompts.json")
MOST = 80


def answer(model: Any, tokenizer: Any, chat: list[dict[str, str]]) -> tuple[str, float]:
    """The greedy text of one chat and its smallest gap in logits."""
    inputs = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    out = model.generate(
        **inputs, max_new_tokens=MOST, do_sample=False, output_logits=True, return_dict_in_generate=True
    )
    gaps = [float(top[0] - top[1]) for top in (step[0].float().topk(2).values for step in out.logits)]
    new = out.sequences[0][inputs["input_ids"].shape[1] :]
    return tokenizer.decode(new, skip_special_tokens=True), min(gaps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("src/causerie/builtin/model"))
    parser.add_argument("--out", type=Path, default=Path("tests/expected/builtin_greedy.json"))
    args = parser.parse_args()
    chats = json.loads(PROMPTS.read_text())
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    found = [answer(model, tokenizer, chat) for chat in chats]
    for chat, (text, gap) in zip(chats, found, strict=True):
        print(f"{gap:6.2f}  {chat[-1]['content']!r} → {text!r}")
    half = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.bfloat16).eval()
    same = sum(answer(half, tokenizer, chat)[0] == text for chat, (text, _) in zip(chats, found, strict=True))
    print(f"the same text with bfloat16 activations: {same} of {len(chats)}")
    print(f"smallest gap {min(gap for _, gap in found):.3f} logits over {len(chats)} chats")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(
        json.dumps({"prompts": chats, "texts": [text for text, _ in found]}, indent=1, ensure_ascii=False) + "\n"
    )


if __name__ == "__main__":
    main()
