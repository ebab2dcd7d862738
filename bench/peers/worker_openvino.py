"""The worker of OpenVINO GenAI: its pipeline with paged attention, on a model exported for it beside the folder.

The pipeline takes whole prompts, so a depth is a prompt that its prefix cache has seen before; times are the ones that
it measures itself. Everything else is as the pipeline has it by default, with the threads that all peers get.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import openvino_genai
from protocol import Refusal, config_of, random_tokens, serve

FORMATS = {"bf16": "fp16", "8-bit": "int8", "4-bit": "int4"}
CACHE_GB = 2


class OpenVino:
    """Implements protocol.Peer."""

    def load(self, model: str, format: str, threads: int, context: int) -> dict[str, Any]:
        folder = exported(Path(model), FORMATS[format])
        self._vocab = config_of(model)["vocab_size"]
        self._pipeline = None
        scheduling = openvino_genai.SchedulerConfig()
        scheduling.cache_size = CACHE_GB
        scheduling.enable_prefix_caching = True
        scheduling.max_num_batched_tokens = 2**16  # a prompt in one piece, as its own choice for one user is
        self._folder, self._scheduling, self._threads = folder, scheduling, {"INFERENCE_NUM_THREADS": threads}
        self._pipeline = openvino_genai.LLMPipeline(str(folder), "CPU", scheduler_config=scheduling, **self._threads)
        self._seed = 1000
        size = (folder / "openvino_model.bin").stat().st_size
        version = f"OpenVINO GenAI {openvino_genai.__version__}"
        return {"version": version, "format": FORMATS[format], "bytes": size}

    def prepare(self, depth: int) -> dict[str, Any]:
        self._generate(self._behind(depth) + self._fresh(64), 2)
        return {}

    def prefill(self, tokens: int, depth: int) -> float:
        metrics = self._generate(self._behind(depth) + self._fresh(tokens), 1)
        return float(metrics.get_ttft().mean) / 1e3

    def decode(self, tokens: int, depth: int) -> float:
        metrics = self._generate(self._behind(depth) + self._fresh(1), tokens + 1)
        return float(metrics.get_tpot().mean) / 1e3 * tokens

    def streams(self, count: int, prompt: int, tokens: int) -> float:
        self._pipeline = None
        served = openvino_genai.ContinuousBatchingPipeline(
            str(self._folder), self._scheduling, "CPU", self._threads, {}, {}
        )
        inputs = [tensor(random_tokens(prompt, self._vocab, seed)) for seed in range(count)]
        served.generate([tensor(random_tokens(8, self._vocab, 99))], [choices(4)])
        begun = time.perf_counter()
        results = served.generate(inputs, [choices(tokens)] * count)
        seconds = time.perf_counter() - begun
        read = sum(len(result.m_generation_ids[0]) for result in results)
        if read != count * tokens:
            raise Refusal(f"{read} tokens came where {count * tokens} were asked for")
        return seconds

    def turns(self, history: int, message: int) -> list[float]:
        self._generate(self._fresh(8), 2)
        told = random_tokens(message, self._vocab, 1)
        first = self._generate(told, 16)
        told += random_tokens(max(0, history - len(told)), self._vocab, 2)
        self._generate(told, 16)
        later = self._generate(told + random_tokens(message, self._vocab, 3), 16)
        return [float(metrics.get_ttft().mean) / 1e3 for metrics in (first, later)]

    def _behind(self, depth: int) -> list[int]:
        return random_tokens(depth, self._vocab, 7)

    def _fresh(self, count: int) -> list[int]:
        self._seed += 1
        return random_tokens(count, self._vocab, self._seed)

    def _generate(self, prompt: list[int], tokens: int) -> Any:
        if self._pipeline is None:
            raise Refusal("the pipeline was given up for the streams; load again")
        return self._pipeline.generate(tensor(prompt), choices(tokens)).perf_metrics


def choices(tokens: int) -> Any:
    """Greedy, exactly `tokens` of them."""
    made = openvino_genai.GenerationConfig()
    made.max_new_tokens = tokens
    made.ignore_eos = True
    made.do_sample = False
    return made


def tensor(tokens: list[int]) -> Any:
    """One prompt as OpenVINO takes it."""
    return openvino.Tensor(np.array([tokens], dtype=np.int64))


def exported(model: Path, format: str) -> Path:
    """The model as OpenVINO reads it, kept beside the folder; exported if it is not there."""
    folder = model.parent / f"{model.name}.openvino-{format}"
    if not (folder / "openvino_model.bin").is_file():
        script = Path(sys.executable).with_name("optimum-cli")
        words = ["export", "openvino", "--model", str(model), "--task", "text-generation-with-past"]
        subprocess.run([str(script), *words, "--weight-format", format, str(folder)], check=True, stdout=sys.stderr)
    return folder


if __name__ == "__main__":
    serve(OpenVino())
