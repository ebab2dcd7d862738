"""A copy of the project in a temporary folder: files are changed and tested there while others work on the real one."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("src", "tests", "docs", "bench", "examples", "training", "scripts", "pyproject.toml", "README.md",
          "CMakeLists.txt", "CONTRIBUTING.md", "LICENSE", "Makefile", "CHANGELOG.md")  # fmt: skip
NATIVE = Path("src/causerie/backends/native")
# The editable install puts a finder before all paths, which would lead every import back to the real project.
SITECUSTOMIZE = """import sys
sys.meta_path[:] = [each for each in sys.meta_path if "ScikitBuild" not in type(each).__name__]
sys.path[:] = [each for each in sys.path if each != {real!r}]
"""


class ProjectCopy:
    """Used in a `with` block, which removes the folder. `commit` names what is copied, None the working tree."""

    def __init__(self, commit: str | None = None) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="causerie-mutants-"))
        self._forks: subprocess.Popen[str] | None = None
        if commit is None:
            for name in COPIED:
                real = ROOT / name
                if real.is_dir():
                    shutil.copytree(real, self.root / name, ignore=shutil.ignore_patterns("__pycache__", "envs"))
                elif real.exists():
                    shutil.copy(real, self.root / name)
        else:
            archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
            with tarfile.open(fileobj=io.BytesIO(archive)) as files:
                files.extractall(self.root, filter="data")
        for library in _native_libraries():
            shutil.copy(library, self.root / NATIVE)
        (self.root / "site").mkdir()
        (self.root / "site" / "sitecustomize.py").write_text(SITECUSTOMIZE.format(real=str(ROOT / "src")))

    def __enter__(self) -> ProjectCopy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._forks is not None:
            assert self._forks.stdin is not None
            self._forks.stdin.close()
            self._forks.wait()
        shutil.rmtree(self.root)

    def environment(self) -> dict[str, str]:
        """What a process needs so that `import causerie` is the copy."""
        paths = os.pathsep.join([str(self.root / "site"), str(self.root / "src")])
        conformance = os.environ.get("CAUSERIE_CONFORMANCE", str(ROOT.parent / "shared" / "conformance"))
        few_threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        own = {"PYTHONPATH": paths, "CAUSERIE_CONFORMANCE": conformance}
        own["PYTHONDONTWRITEBYTECODE"] = ""  # tests and what is not changed are compiled once
        return os.environ | few_threads | own

    def write(self, file: str, text: str) -> None:
        """Replaces a file, and removes what Python has compiled of it: the time in that has whole seconds only."""
        path = self.root / file
        path.write_text(text, encoding="utf-8")
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()

    def test(self, tests: list[str], limit: float) -> dict[str, Any]:
        """Runs tests up to the first failure; see forks.py for the answer."""
        if self._forks is None:
            self._forks = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("forks.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=self.root,
                env=self.environment(),
            )
        assert self._forks.stdin is not None and self._forks.stdout is not None
        self._forks.stdin.write(json.dumps({"tests": tests, "limit": limit}) + "\n")
        self._forks.stdin.flush()
        answer: dict[str, Any] = json.loads(self._forks.stdout.readline())
        return answer


def _native_libraries() -> list[Path]:
    """The compiled kernels of the install."""
    spec = importlib.util.find_spec("causerie.backends.native")
    places = list(spec.submodule_search_locations or ()) if spec else []
    return [library for place in places for library in Path(place).glob("libcauserie_kernels.*")]
