"""Guessing beside llama.cpp's: the same weights in bfloat16, the same prompts token for token, in one run.

    python bench/setup_peers.py llama_cpp                                  once
    python bench/speculation_llama_cpp.py MODEL [--draft FOLDER] [--tokens N] [--rounds N] [--threads N]

Of llama.cpp: no guesses, `--spec-default`, and `draft-simple` with a draft model in Q4_0: the one that is named, or the
same weights. Of Causerie: no guesses, prompt lookup, and with it that draft model in int4, or the shadow. All take
turns, round by round, greedily; a figure is the median of tokens a second after the first. Prints a table and, as the
last line, the same as JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from peers.worker import ENVS
from serve_load import free_port, served
from speculation import answer

from causerie import AutoModelForCausalLM, AutoTokenizer
from causerie.api.drafting.assistant import draft_model
from causerie.api.measurement.speculation_benchmark import prompts_of
from causerie.decoding.drafting.drafter import Drafter
from causerie.decoding.drafting.lookup import PromptLookup
from causerie.decoding.params import SamplingParams
from causerie.engine.assistant.shadow import ShadowDrafter
from causerie.engine.engine import Engine

BIN = ENVS / "llama_cpp" / "build" / "bin"
THEIRS: dict[str, list[str]] = {
    "plain": [],
    "--spec-default": ["--spec-default"],
    "draft-simple": ["--spec-type", "draft-simple"],
}


def gguf_files(folder: Path, target: Path) -> tuple[Path, Path]:
    """A model in bfloat16 and in Q4_0."""
    plain, small = target / f"{folder.name}.BF16.gguf", target / f"{folder.name}.Q4_0.gguf"
    script = Path(__file__).parent / "peers" / "gguf_model.py"
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([str(ENVS / "llama_cpp" / "bin" / "python"), str(script), str(folder), str(plain)], **quiet)
    subprocess.run([str(BIN / "llama-quantize"), str(plain), str(small), "Q4_0"], **quiet)
    return plain, small


def their_speed(url: str, prompt: list[int], tokens: int) -> float:
    """Tokens a second of llama-server."""
    body = {"prompt": prompt, "n_predict": tokens, "temperature": 0.0, "cache_prompt": False}
    said = httpx.post(url + "/completion", json=body, timeout=300).raise_for_status().json()
    return float(said["timings"]["predicted_per_second"])


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model")
    options.add_argument("--draft", type=Path, help="a smaller model with the same tokenizer")
    options.add_argument("--tokens", type=int, default=160)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--threads", type=int, default=2)
    wishes = options.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(wishes.model)
    prompts = prompts_of(tokenizer)
    params = SamplingParams(max_tokens=wishes.tokens, eos=(tokenizer.eos_token_id,))
    speeds: dict[str, dict[str, list[float]]] = {name: {} for name in prompts}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plain, small = gguf_files(Path(wishes.model), folder)
        loading: dict[str, Any] = {"backend": "native", "threads": wishes.threads, "progress": False}
        owner = stack.enter_context(
            AutoModelForCausalLM.from_pretrained(
                wishes.model, dtype="bfloat16", speculation="lookup" if wishes.draft else "shadow", **loading
            )
        )
        model = owner.step_model
        guessing: Drafter
        if wishes.draft:
            _, small = gguf_files(wishes.draft, folder)
            other = AutoModelForCausalLM.from_pretrained(wishes.draft, quantization="int4", **loading)
            guessing = draft_model(other.step_model, model)
        else:
            assert model.shadow is not None
            guessing = ShadowDrafter(model.shadow)
        engine = Engine(model, drafters=(PromptLookup(), guessing))
        ours = {"plain": (), "lookup": ("lookup",), f"lookup and {guessing.name}": ("lookup", guessing.name)}
        for turn in range(wishes.rounds + 1):  # the first round is not counted: what is learned, is learned in it
            for name, flags in THEIRS.items():
                port = free_port()
                words = [str(BIN / "llama-server"), "-m", str(plain), "--port", str(port), "-np", "1", "-c", "2048"]
                words += ["-t", str(wishes.threads), *flags]
                words += ["-md", str(small), "-td", str(wishes.threads)] if name == "draft-simple" else []
                with served(words, f"http://127.0.0.1:{port}") as url:
                    for text, prompt in prompts.items():
                        speed = their_speed(url, prompt, wishes.tokens)
                        if turn:
                            speeds[text].setdefault(f"llama.cpp {name}", []).append(speed)
            for name, drafters in ours.items():
                for text, prompt in prompts.items():
                    run = answer(engine, prompt, replace(params, drafters=drafters))
                    if turn:
                        speeds[text].setdefault(f"Causerie {name}", []).append(run.speed)
    columns = [f"llama.cpp {name}" for name in THEIRS] + [f"Causerie {name}" for name in ours]
    print(f"| tokens/s | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for text, of in speeds.items():
        print(f"| {text} | " + " | ".join(f"{statistics.median(of[each]):.0f}" for each in columns) + " |", flush=True)
    print(json.dumps(speeds))


if __name__ == "__main__":
    main()
