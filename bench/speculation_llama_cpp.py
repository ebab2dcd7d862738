"""Guessing beside llama.cpp's: the same weights in bfloat16, the same prompts token for token, in one run.

    python bench/setup_peers.py llama_cpp                                  once
    python bench/speculation_llama_cpp.py MODEL [--tokens N] [--rounds N] [--threads N]

Of llama.cpp: no guesses, `--spec-default`, and `draft-simple` with the same weights in Q4_0 as the draft model. Of
Causerie: no guesses, prompt lookup, and the shadow with it. All take turns, round by round, greedily; a figure is the
median of tokens a second after the first. Prints a table and, as the last line, the same as JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

import httpx
from peers.worker import ENVS
from serve_load import free_port, served
from speculation import answer, prompts_of

from causerie import AutoModelForCausalLM, AutoTokenizer
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
OURS = ("plain", "lookup", "lookup and shadow")


def gguf_files(folder: Path, target: Path) -> tuple[Path, Path]:
    """The model in bfloat16 and in Q4_0."""
    plain, small = target / "model.BF16.gguf", target / "model.Q4_0.gguf"
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
        owner = stack.enter_context(
            AutoModelForCausalLM.from_pretrained(
                wishes.model, dtype="bfloat16", threads=wishes.threads, progress=False, speculation="shadow"
            )
        )
        model = owner.step_model
        assert model.shadow is not None
        drafters = [PromptLookup(), ShadowDrafter(model.shadow)]
        engines = {name: Engine(model, drafters=drafters[:count]) for count, name in enumerate(OURS)}
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
            for name, engine in engines.items():
                for text, prompt in prompts.items():
                    run = answer(engine, prompt, params)
                    if turn:
                        speeds[text].setdefault(f"Causerie {name}", []).append(run.speed)
    columns = [f"llama.cpp {name}" for name in THEIRS] + [f"Causerie {name}" for name in OURS]
    print(f"| tokens/s | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for text, of in speeds.items():
        print(f"| {text} | " + " | ".join(f"{statistics.median(of[each]):.0f}" for each in columns) + " |", flush=True)
    print(json.dumps(speeds))


if __name__ == "__main__":
    main()
