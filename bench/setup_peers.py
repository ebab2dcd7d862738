"""Sets up what Causerie is measured against: each peer in an environment of its own under bench/envs/.

    python bench/setup_peers.py [NAME ...] [--jobs N]        llama_cpp, transformers, openvino; default: all
    python bench/setup_peers.py --remove NAME                take one away again

llama.cpp is compiled for this very processor from the sources that come with llama-cpp-python, its own programs
(llama-cli, llama-server, llama-quantize) included, so that library and programs measured are one build.
Packages come from wherever pip is configured to look. Each step is left alone where it has been done before. Knows no
measurement; needs a C++ compiler and some gigabytes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

ENVS = Path(__file__).resolve().parent / "envs"
LLAMA_CPP_PYTHON = "llama-cpp-python==0.3.36"
LLAMA_CPP_PROGRAMS = ("llama", "llama-cli", "llama-server", "llama-quantize", "llama-bench")
TORCH = "torch==2.13.0"  # as in the project's tests; where a CPU build is to be had, pip prefers it


class Environment:
    """A virtual environment under bench/envs/ and the steps done in it."""

    def __init__(self, name: str) -> None:
        self.folder = ENVS / name
        self.python = self.folder / "bin" / "python"

    def make(self) -> None:
        """The empty environment, if it is not there."""
        if not self.python.is_file():
            venv.create(self.folder, with_pip=True)

    def once(self, step: str, action: Callable[[], None]) -> None:
        """Does a step and remembers that it was done; a failure leaves it to be done again."""
        done = self.folder / f".{step}"
        if done.exists():
            print(f"{self.folder.name}: {step} was done before", flush=True)
            return
        print(f"{self.folder.name}: {step} …", flush=True)
        action()
        done.touch()

    def pip(self, *words: str, settings: dict[str, str] | None = None) -> None:
        """Runs the environment's pip. Raises CalledProcessError."""
        run([str(self.python), "-m", "pip", *words, "--quiet", "--disable-pip-version-check"], settings=settings)


def run(words: Sequence[str], settings: dict[str, str] | None = None) -> None:
    """Runs a program with further variables in its environment. Raises CalledProcessError."""
    subprocess.run(words, check=True, env={**os.environ, **(settings or {})})


def llama_cpp(jobs: int) -> None:
    """llama.cpp for this processor, its Python binding over that same build, and the writer of its files."""
    env = Environment("llama_cpp")
    env.make()
    env.once("packages", lambda: env.pip("install", "gguf==0.19.0", "numpy", "tokenizers", "cmake", "ninja"))
    env.once("sources", lambda: _unpack_llama_cpp(env))
    package = next(env.folder.glob("llama_cpp_python-*/"))
    env.once("build", lambda: _build_llama_cpp(env, package / "vendor" / "llama.cpp", jobs))
    # Its own copy of the library is not built: the worker points it at ours.
    without = {"CMAKE_ARGS": "-DLLAMA_BUILD=OFF -DLLAVA_BUILD=OFF"}
    env.once("binding", lambda: env.pip("install", str(package), settings=without))


def _unpack_llama_cpp(env: Environment) -> None:
    # pip 24 and older build a source package to learn its name; without isolation that needs its builder here.
    env.pip("install", "scikit-build-core")
    words = ("download", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "--dest", str(env.folder))
    env.pip(*words, LLAMA_CPP_PYTHON)
    archive = next(env.folder.glob("llama_cpp_python-*.tar.gz"))
    with tarfile.open(archive) as packed:
        packed.extractall(env.folder, filter="data")
    archive.unlink()


def _build_llama_cpp(env: Environment, source: Path, jobs: int) -> None:
    cmake, build = str(env.folder / "bin" / "cmake"), str(env.folder / "build")
    off = ("LLAMA_BUILD_UI", "LLAMA_USE_PREBUILT_UI", "LLAMA_OPENSSL", "LLAMA_CURL", "LLAMA_BUILD_TESTS")
    choices = ["-DGGML_NATIVE=ON", "-DBUILD_SHARED_LIBS=ON", *(f"-D{name}=OFF" for name in off)]
    ninja = f"-DCMAKE_MAKE_PROGRAM={env.folder / 'bin' / 'ninja'}"
    run([cmake, "-G", "Ninja", ninja, "-S", str(source), "-B", build, "-DCMAKE_BUILD_TYPE=Release", *choices])
    run([cmake, "--build", build, "--parallel", str(jobs), "--target", *LLAMA_CPP_PROGRAMS])


def transformers(jobs: int) -> None:
    """transformers with torch, as in the project's tests."""
    env = Environment("transformers")
    env.make()
    env.once("packages", lambda: env.pip("install", TORCH, "transformers==5.23.*", "safetensors", "jinja2"))


def openvino(jobs: int) -> None:
    """OpenVINO GenAI and the exporter of its models."""
    env = Environment("openvino")
    env.make()
    packages = (TORCH, "openvino-genai==2026.4.*", "optimum-intel[openvino]", "nncf")
    env.once("packages", lambda: env.pip("install", *packages))
    # Where torchvision is present the exporter wants an image processor of every model.
    env.once("without_torchvision", lambda: env.pip("uninstall", "--yes", "torchvision"))


PEERS = {"llama_cpp": llama_cpp, "transformers": transformers, "openvino": openvino}


def main(words: Sequence[str]) -> int:
    """Does what the words of the command line ask; the number of peers that could not be set up."""
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PEERS))
    parse.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="compilations at once (default: all)")
    parse.add_argument("--remove", action="store_true", help="take the named environments away")
    found = parse.parse_args(words)
    wrong = [name for name in found.names if name not in PEERS]
    if wrong or found.jobs < 1 or (found.remove and not found.names):
        parse.error(f"name some of {', '.join(PEERS)}, and at least one job; got {wrong or found.names}")
    failed = []
    for name in found.names or PEERS:
        if found.remove:
            shutil.rmtree(ENVS / name, ignore_errors=True)
            continue
        try:
            PEERS[name](found.jobs)
        except (subprocess.CalledProcessError, OSError) as fault:
            print(f"{name} could not be set up: {fault}", file=sys.stderr)
            failed.append(name)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
