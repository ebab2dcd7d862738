"""The worker of llama.cpp: steps through its library, streams and turns through its own server, of the same build.

Flash attention wins or loses with the depth on a CPU, so each depth is first tried with and without, and measured with
the better. Everything else is as llama.cpp has it by default, with the threads that all peers get.
"""

from __future__ import annotations

import ctypes
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import gguf
import llama_cpp
from protocol import Refusal, random_tokens, serve

BUILD = Path(sys.prefix) / "build" / "bin"
FILES = {"bf16": "BF16", "8-bit": "Q8_0", "4-bit": "Q4_0", "file": "as it is"}
BATCH = 512


def read_bytes(file: Path) -> int:
    """What a token reads of a file's tensors: of experts those that it goes to, of a table that is no head as well one
    row."""
    reader = gguf.GGUFReader(file)
    numbers = {name.rpartition(".")[2]: field.contents() for name, field in reader.fields.items() if "expert_" in name}
    share = numbers["expert_used_count"] / numbers["expert_count"] if "expert_count" in numbers else 1.0
    sizes = {tensor.name: int(tensor.n_bytes) for tensor in reader.tensors}
    if "output.weight" in sizes:
        del sizes["token_embd.weight"]
    return round(sum(size * (share if "_exps." in name else 1.0) for name, size in sizes.items()))


class LlamaCpp:
    """Implements protocol.Peer."""

    def load(self, model: str, format: str, threads: int, context: int) -> dict[str, Any]:
        name = FILES[format]
        self._file, self._threads, self._context = gguf_file(Path(model), name), threads, context
        self._log = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self._log, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(
            str(self._file).encode(), llama_cpp.llama_model_default_params()
        )
        if not self._model:
            raise Refusal(f"{self._file.name} does not load")
        self._vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self._model))
        self._contexts: dict[bool, Any] = {}
        self._flash = {"prefill": True, "decode": True}
        self._filled = {True: 0, False: 0}
        version = f"llama.cpp of llama-cpp-python {llama_cpp.__version__}"
        size = llama_cpp.llama_model_size(self._model)
        return {"version": version, "format": name, "bytes": size, "read_bytes": read_bytes(self._file)}

    def prepare(self, depth: int) -> dict[str, Any]:
        chosen: dict[str, bool] = {}
        seconds = {}
        for flash in (True, False):
            self._fill(flash, depth)
            for kind, steps in (("prefill", [128]), ("decode", [1] * 8)):
                self._timed(flash, steps, depth)
                seconds[kind, flash] = min(self._timed(flash, steps, depth) for _ in range(2))
        for kind in self._flash:
            chosen[kind] = self._flash[kind] = seconds[kind, True] <= seconds[kind, False]
        return {"flash attention": chosen}

    def prefill(self, tokens: int, depth: int) -> float:
        return self._timed(self._flash["prefill"], [tokens], depth)

    def decode(self, tokens: int, depth: int) -> float:
        return self._timed(self._flash["decode"], [1] * tokens, depth)

    def streams(self, count: int, prompt: int, tokens: int) -> float:
        with Server(self._file, self._threads, slots=count, context=count * (prompt + tokens + 64)) as server:
            server.first_token(random_tokens(8, self._vocab, 99), 8)
            prompts = [random_tokens(prompt, self._vocab, seed) for seed in range(count)]
            read = [0] * count

            def ask(row: int) -> None:
                read[row] = server.complete(prompts[row], tokens)

            askers = [threading.Thread(target=ask, args=(row,)) for row in range(count)]
            begun = time.perf_counter()
            for asker in askers:
                asker.start()
            for asker in askers:
                asker.join()
            seconds = time.perf_counter() - begun
        if sum(read) != count * tokens:
            raise Refusal(f"{sum(read)} tokens came where {count * tokens} were asked for")
        return seconds

    def turns(self, history: int, message: int) -> list[float]:
        with Server(self._file, self._threads, slots=1, context=history + 2 * message + 512) as server:
            server.first_token(random_tokens(8, self._vocab, 99), 8)
            told = random_tokens(message, self._vocab, 1)
            first, answer = server.first_token(told, 16)
            told += [*answer, *random_tokens(max(0, history - len(told) - 17), self._vocab, 2)]
            _, answer = server.first_token(told, 16)
            told += [*answer, *random_tokens(message, self._vocab, 3)]
            return [first, server.first_token(told, 16)[0]]

    def _fill(self, flash: bool, depth: int) -> None:
        context = self._context_of(flash)
        self._cut(flash, min(depth, self._filled[flash]))
        while self._filled[flash] < depth:
            count = min(BATCH, depth - self._filled[flash])
            self._step(context, count)
            self._filled[flash] += count

    def _timed(self, flash: bool, steps: list[int], depth: int) -> float:
        context = self._context_of(flash)
        begun = time.perf_counter()
        for count in steps:
            self._step(context, count)
        seconds = time.perf_counter() - begun
        self._cut(flash, depth)
        return seconds

    def _cut(self, flash: bool, depth: int) -> None:
        llama_cpp.llama_memory_seq_rm(llama_cpp.llama_get_memory(self._context_of(flash)), 0, depth, -1)
        self._filled[flash] = depth

    def _step(self, context: Any, count: int) -> None:
        tokens = (llama_cpp.llama_token * count)(*random_tokens(count, self._vocab, count))
        fault = llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(tokens, count))
        if fault:
            raise Refusal(f"llama_decode of {count} tokens gave {fault}")
        llama_cpp.llama_synchronize(context)

    def _context_of(self, flash: bool) -> Any:
        if flash not in self._contexts:
            params = llama_cpp.llama_context_default_params()
            params.n_ctx, params.n_batch, params.n_ubatch = self._context, BATCH, BATCH
            params.n_threads = params.n_threads_batch = self._threads
            params.flash_attn_type = int(flash)
            params.no_perf = True
            self._contexts[flash] = llama_cpp.llama_init_from_model(self._model, params)
        return self._contexts[flash]


class Server:
    """llama-server with one file, for as long as the body of a `with` runs."""

    def __init__(self, file: Path, threads: int, slots: int, context: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        words = ["-m", file, "-t", threads, "-c", context, "-np", slots, "--port", self._port, "--no-webui"]
        self._process = subprocess.Popen(
            [str(BUILD / "llama-server"), *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __enter__(self) -> Server:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self._port)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.1)
        self.__exit__()
        raise Refusal("llama-server did not start")

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        self._process.wait()

    def complete(self, prompt: list[int], tokens: int) -> int:
        """How many tokens came for a prompt that no other one resembles."""
        response = self._ask(prompt, tokens, stream=False)
        return int(json.loads(response.read())["tokens_predicted"])

    def first_token(self, prompt: list[int], tokens: int) -> tuple[float, list[int]]:
        """Seconds to the first token, and the answer."""
        begun = time.perf_counter()
        response = self._ask(prompt, tokens, stream=True)
        seconds, answer = 0.0, []
        for line in response:
            if not line.startswith(b"data: {"):
                continue
            found = json.loads(line[6:])
            answer += found.get("tokens", [])
            seconds = seconds or time.perf_counter() - begun
        return seconds, answer

    def _ask(self, prompt: list[int], tokens: int, *, stream: bool) -> http.client.HTTPResponse:
        body = {"prompt": prompt, "n_predict": tokens, "ignore_eos": True, "temperature": 0, "return_tokens": True}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=600)
        connection.request("POST", "/completion", json.dumps(body | {"stream": stream}))
        response = connection.getresponse()
        if response.status != 200:
            raise Refusal(f"llama-server said {response.status}: {response.read()[:200]!r}")
        return response


def gguf_file(model: Path, name: str) -> Path:
    """The model in a format of llama.cpp, kept beside the folder; written if it is not there. A file is what it is."""
    if model.is_file():
        return model
    plain = model.parent / f"{model.name}.BF16.gguf"
    if not plain.is_file():
        script = Path(__file__).with_name("gguf_model.py")
        subprocess.run([sys.executable, str(script), str(model), str(plain)], check=True, stdout=sys.stderr)
    wanted = model.parent / f"{model.name}.{name}.gguf"
    if not wanted.is_file():
        part = wanted.with_suffix(".part")
        subprocess.run([str(BUILD / "llama-quantize"), str(plain), str(part), name], check=True, stdout=sys.stderr)
        part.replace(wanted)
    return wanted


if __name__ == "__main__":
    serve(LlamaCpp())
