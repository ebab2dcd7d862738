"""A worker as the comparison sees it: a process of another environment that is asked one thing at a time.

Knows where each peer's Python is and what they say to each other (protocol.py), and no measurement.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

FOLDER = Path(__file__).resolve().parent
ENVS = FOLDER.parent / "envs"
OURS = "causerie"
PEERS = (OURS, "llama_cpp", "openvino", "transformers")
TITLES = {OURS: "Causerie", "llama_cpp": "llama.cpp", "openvino": "OpenVINO GenAI", "transformers": "transformers"}
PATIENCE = 1800.0  # seconds for the longest thing that is asked: writing a model in a peer's own form


class Refused(Exception):
    """What a peer cannot do or failed at, in its words."""


def python_of(peer: str) -> Path:
    """The Python of a peer's environment; ours is the one that runs this."""
    return Path(sys.executable) if peer == OURS else ENVS / peer / "bin" / "python"


def is_set_up(peer: str) -> bool:
    """Whether every step of setup_peers.py was done for it."""
    last = {"llama_cpp": ".binding", "openvino": ".without_torchvision", "transformers": ".packages"}
    return peer == OURS or (ENVS / peer / last[peer]).exists()


def settings_of(peer: str) -> dict[str, str]:
    """The environment a peer's processes run in: nobody asks the network, llama.cpp's binding takes our build, and
    Python keeps its bytecode, as it does for whoever has installed a program."""
    extra = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    if peer == "llama_cpp":
        extra["LLAMA_CPP_LIB_PATH"] = str(ENVS / peer / "build" / "bin")
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **extra}


class Worker:
    """One peer's process. What it prints besides its answers goes to `log`."""

    def __init__(self, peer: str, log: IO[str]) -> None:
        self.peer = peer
        script = FOLDER / f"worker_{peer}.py"
        self._process = subprocess.Popen(
            [str(python_of(peer)), str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=settings_of(peer),
        )
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def ask(self, what: str, **arguments: Any) -> Any:
        """The worker's answer. Raises Refused."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
            self._process.stdin.flush()
            reply = json.loads(self._answers.get(timeout=PATIENCE))
        except (OSError, queue.Empty, ValueError):
            self.close()
            raise Refused(f"its process ended or was silent for {PATIENCE:.0f} s when asked to {what}") from None
        if "refusal" in reply:
            raise Refused(reply["refusal"])
        return reply["answer"]

    def close(self) -> None:
        """Ends the process, which frees its model."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")  # its end: no JSON
