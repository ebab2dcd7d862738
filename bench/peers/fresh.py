"""Fresh processes that answer one question: the command of each peer, and the seconds until its answer begins.

Standard output is the answer alone, or the question is repeated on a line before it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from peers.worker import ENVS, FOLDER, OURS, Refused, python_of, settings_of

QUESTION = "Hello! What is a token?"
FORMATS = {"bf16": "none", "8-bit": "int8", "4-bit": "int4"}


def command(peer: str, model: Path, format: str, threads: int) -> list[str]:
    """What is run. Raises Refused where a peer has nothing for the format."""
    if peer == OURS:
        folder = model if model.is_file() else prepared(model, FORMATS[format])
        words = ["-m", "causerie.cli.main", "chat", str(folder), "-p", QUESTION, "max_new_tokens=8"]
        return [sys.executable, *words, "--threads", str(threads)]
    if peer == "llama_cpp":
        name = {"bf16": "BF16", "8-bit": "Q8_0", "4-bit": "Q4_0", "file": ""}[format]
        file = model.parent / f"{model.name}.{name}.gguf" if name else model
        quiet = ["--single-turn", "--simple-io", "--no-display-prompt", "--no-warmup", "--log-disable"]
        words = ["-m", str(file), "-p", QUESTION, "-n", "8", "-t", str(threads), "-c", "4096", *quiet]
        return [str(ENVS / "llama_cpp" / "build" / "bin" / "llama-cli"), *words]
    if peer == "openvino":
        name = {"bf16": "fp16", "8-bit": "int8", "4-bit": "int4"}[format]
        model = model.parent / f"{model.name}.openvino-{name}"
    elif format != "bf16":
        raise Refused("without further packages it quantizes nothing on a CPU")
    return [str(python_of(peer)), str(FOLDER / f"first_{peer}.py"), str(model), QUESTION, str(threads)]


def prepared(model: Path, quantization: str) -> Path:
    """The model as `causerie prepare` writes it, made if it is not there: the peers too start from forms of their
    own."""
    folder = model.parent / f"{model.name}.causerie-{quantization}"
    if not (folder / "config.json").is_file():
        from causerie import AutoModelForCausalLM

        with AutoModelForCausalLM.from_pretrained(model, quantization=quantization, progress=False) as loaded:
            loaded.save_pretrained(folder, prepared=True, progress=False)
    return folder


def first_answer(peer: str, words: list[str], patience: float = 120.0) -> float:
    """Seconds from the start of the process to the first byte of its answer; it is ended then. Raises Refused where it
    ends before."""
    before = f"> {QUESTION}\n".encode() if peer == "llama_cpp" else b""
    begun = time.perf_counter()
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=complaints, stdin=subprocess.DEVNULL, env=settings_of(peer)
        ) as process,
    ):
        assert process.stdout is not None
        got, answer = b"", b""
        while not answer and time.perf_counter() - begun < patience:
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                break
            got += piece
            answer = got.partition(before)[2] if before else got
        seconds = time.perf_counter() - begun
        process.kill()
        complaints.seek(0)
        said = complaints.read().decode("utf-8", "replace").strip().splitlines()
    if not answer:
        raise Refused(said[-1] if said else f"its process ended after {len(got)} bytes without an answer")
    return seconds
