"""The worker of Causerie itself: steps through plan/measure.py, streams and turns through the engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from protocol import Refusal, random_tokens, serve

import causerie
from causerie import AutoModelForCausalLM
from causerie.decoding.params import SamplingParams
from causerie.engine.request import TokenEvent
from causerie.errors import CauserieError
from causerie.plan.measure import Trial, Workbench

FORMATS = {"bf16": None, "8-bit": "int8", "4-bit": "int4", "file": None}


class Causerie:
    """Implements protocol.Peer."""

    def load(self, model: str, format: str, threads: int, context: int) -> dict[str, Any]:
        self._model = None  # frees what was loaded before
        chosen = FORMATS[format]
        options: dict[str, Any] = {} if chosen is None else {"quantization": chosen}
        try:
            # Twice: streams and a chat's turns keep what they have read beside what they read.
            self._model = AutoModelForCausalLM.from_pretrained(
                model, device_map="cpu", threads=threads, max_cache_tokens=2 * context, progress=False, **options
            )
        except CauserieError as error:
            raise Refusal(str(error)) from None
        held = self._model.step_model
        self._vocab = held.vocab
        self._bench = Workbench(held)
        return {
            "version": f"causerie {causerie.__version__}",
            "format": "as it is" if format == "file" else chosen or held.format,
            "bytes": held.weight_bytes,
            "read_bytes": held.read_bytes,
        }

    def prepare(self, depth: int) -> dict[str, Any]:
        self._bench.prepare(Trial("prefill", 64, depth))
        return {}

    def prefill(self, tokens: int, depth: int) -> float:
        return self._bench.run(Trial("prefill", tokens, depth))

    def decode(self, tokens: int, depth: int) -> float:
        return self._bench.run(Trial("decode", tokens, depth))

    def streams(self, count: int, prompt: int, tokens: int) -> float:
        begun = time.perf_counter()
        streams = [self._stream(random_tokens(prompt, self._vocab, seed), tokens) for seed in range(count)]
        read = sum(1 for stream in streams for event in stream if event.token is not None)
        seconds = time.perf_counter() - begun
        if read != count * tokens:
            raise Refusal(f"{read} tokens came where {count * tokens} were asked for")
        return seconds

    def turns(self, history: int, message: int) -> list[float]:
        told = random_tokens(message, self._vocab, 1)
        first, answer = self._first_token(told)
        told += [*answer, *random_tokens(max(0, history - len(told) - 17), self._vocab, 2)]
        _, answer = self._first_token(told)
        told += [*answer, *random_tokens(message, self._vocab, 3)]
        return [first, self._first_token(told)[0]]

    def _stream(self, prompt: list[int], tokens: int) -> Iterator[TokenEvent]:
        assert self._model is not None
        return self._model.stream(prompt, SamplingParams(max_tokens=tokens, ignore_eos=True, drafters=()))

    def _first_token(self, prompt: list[int]) -> tuple[float, list[int]]:
        """Seconds to the first token, and an answer of 16."""
        begun = time.perf_counter()
        stream = self._stream(prompt, 16)
        answer = [event.token for event in (next(stream),) if event.token is not None]
        seconds = time.perf_counter() - begun
        return seconds, answer + [event.token for event in stream if event.token is not None]


if __name__ == "__main__":
    serve(Causerie())
