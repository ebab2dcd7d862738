"""The worker of transformers: its models as they are, in bfloat16 through torch on the CPU."""

from __future__ import annotations

import time
from typing import Any

import torch
import transformers
from protocol import Refusal, config_of, random_tokens, serve

CHUNK = 512


class Transformers:
    """Implements protocol.Peer."""

    def load(self, model: str, format: str, threads: int, context: int) -> dict[str, Any]:
        if format != "bf16":
            raise Refusal("without further packages it quantizes nothing on a CPU")
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self._vocab = config_of(model)["vocab_size"]
        self._model = transformers.AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16).eval()
        self._cache = transformers.DynamicCache(config=self._model.config)
        size = sum(p.numel() * p.element_size() for p in self._model.parameters())
        return {"version": f"transformers {transformers.__version__}", "format": "bfloat16", "bytes": size}

    def prepare(self, depth: int) -> dict[str, Any]:
        self._cut(min(depth, self._cache.get_seq_length()))
        while (filled := self._cache.get_seq_length()) < depth:
            self._step(min(CHUNK, depth - filled))
        self._step(64)
        self._step(1)
        self._cut(depth)
        return {}

    def prefill(self, tokens: int, depth: int) -> float:
        return self._timed([tokens], depth)

    def decode(self, tokens: int, depth: int) -> float:
        return self._timed([1] * tokens, depth)

    def streams(self, count: int, prompt: int, tokens: int) -> float:
        ids = torch.tensor([random_tokens(prompt, self._vocab, seed) for seed in range(count)])
        begun = time.perf_counter()
        self._generate(ids, tokens)
        return time.perf_counter() - begun

    def turns(self, history: int, message: int) -> list[float]:
        seconds = []
        for length in (message, history + message):  # each turn reads the chat again, as its pipeline does
            ids = torch.tensor([random_tokens(length, self._vocab, 1)])
            begun = time.perf_counter()
            self._generate(ids, 1)
            seconds.append(time.perf_counter() - begun)
        return seconds

    def _generate(self, ids: torch.Tensor, tokens: int) -> None:
        mask = torch.ones_like(ids)
        self._model.generate(
            ids, attention_mask=mask, min_new_tokens=tokens, max_new_tokens=tokens, do_sample=False, pad_token_id=0
        )

    def _timed(self, steps: list[int], depth: int) -> float:
        begun = time.perf_counter()
        for count in steps:
            self._step(count)
        seconds = time.perf_counter() - begun
        self._cut(depth)
        return seconds

    def _cut(self, depth: int) -> None:
        surplus = self._cache.get_seq_length() - depth
        if depth == 0:
            self._cache = transformers.DynamicCache(config=self._model.config)
        elif surplus:
            self._cache.crop(-surplus)

    def _step(self, count: int) -> None:
        ids = torch.tensor([random_tokens(count, self._vocab, self._cache.get_seq_length())])
        self._model(ids, past_key_values=self._cache, use_cache=True, logits_to_keep=1)


if __name__ == "__main__":
    serve(Transformers())
