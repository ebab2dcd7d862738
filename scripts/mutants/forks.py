"""Runs pytest again and again, each time in a fork of one process that has read the heavy libraries already.

A line of JSON on the standard input asks ({"tests": […], "limit": seconds}), one on the standard output answers
({"code": of pytest or null past the limit, "seconds": …, "tail": the end of its output}). It runs by itself in the copy
of the project (project_copy.py) and imports nothing of Causerie, so that each fork imports the copy as it is then.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from importlib.metadata import entry_points
from pathlib import Path

HEAVY = (
    "numpy", "pytest", "hypothesis", "hypothesis.strategies", "torch", "transformers", "tokenizers", "safetensors",
    "transformers.models.llama.modeling_llama", "transformers.models.qwen2.modeling_qwen2",
    "transformers.models.qwen3.modeling_qwen3", "transformers.models.mistral.modeling_mistral",
    "jinja2", "httpx", "starlette", "llguidance", "bitsandbytes.functional", "xml.etree.ElementTree", "asyncio",
)  # fmt: skip
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def main() -> None:
    """Answers until the standard input ends."""
    # What a test leaves running becomes a child of this process and is ended with the test.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    plugins = [each.module for each in entry_points(group="pytest11")]
    for name in (*HEAVY, *plugins):
        if importlib.util.find_spec(name.partition(".")[0]):
            importlib.import_module(name)
    gc.freeze()  # what has been read is no garbage: pytest collects three times in each run
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(_answer(asked["tests"], asked["limit"])), flush=True)


def _answer(tests: list[str], limit: float) -> dict[str, object]:
    start = time.monotonic()
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            _run(tests, output.fileno())
        code: int | None = None
        while time.monotonic() - start < limit:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                code = os.waitstatus_to_exitcode(status)
                break
            time.sleep(0.02)
        else:
            os.kill(child, signal.SIGKILL)
        _end_children()
        output.seek(0)
        tail = output.read().decode(errors="replace")[-3000:]
    return {"code": code, "seconds": round(time.monotonic() - start, 2), "tail": tail}


def _run(tests: list[str], output: int) -> None:
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a test that hangs ends with who started it
    for stream in (1, 2):
        os.dup2(output, stream)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    code = 70
    try:
        import pytest

        # Its plugins are imported before it can rewrite their asserts.
        ignored = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        code = int(pytest.main(["-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider", *ignored, *tests]))
    except BaseException:  # noqa: BLE001 — nothing may leave a fork but its exit code
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end_children() -> None:
    """Ends and reaps whatever this process has as children, until there is none."""
    while True:
        for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


if __name__ == "__main__":
    main()
