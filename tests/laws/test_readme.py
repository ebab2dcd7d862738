"""The documents are true: their Python runs, their commands are understood, their links lead somewhere.

Knows the form of the documents and nothing of the program but how to start it.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import causerie
from causerie.cli.main import VERBS
from causerie.cli.verbs import chat

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = [ROOT / "README.md", ROOT / "docs" / "quickstart.md"]
MODEL = Path(causerie.builtin_model_path())


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(path: Path) -> list[list[str]]:
    """The words of each `$ … causerie …` of the console blocks, as the shell gives them to the program."""
    calls = []
    for line in "\n".join(blocks(path, "console")).splitlines():
        if line.startswith("$ ") and (call := re.search(r"(?:^|[ /])causerie (.*)", line)):
            words = shlex.split(call[1])
            calls.append(words[: min((i for i, word in enumerate(words) if word in "<>|"), default=len(words))])
    return calls


PYTHON = [(path, code) for path in RUN for code in blocks(path, "python")]
COMMANDS = [words for path in RUN for words in commands(path)]


def test_there_is_something_to_run() -> None:
    assert len(PYTHON) >= 4 and len(COMMANDS) >= 8


@pytest.mark.skipif(not (MODEL / "config.json").is_file(), reason="the built-in model is not in this tree")
@pytest.mark.parametrize(("path", "code"), PYTHON, ids=[f"{path.stem}-{i}" for i, (path, _) in enumerate(PYTHON)])
def test_python_runs_and_prints(path: Path, code: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(causerie.__file__).parent.parent), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=200,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_are_understood(words: list[str]) -> None:
    assert words[0] in VERBS
    if words[0] == "chat":
        options = chat.parser(80).read(words[1:])
        chat.model_and_flags(options.words, options.model_name_or_path)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no clone")
def test_what_is_piped_fits_the_smallest_model(tmp_path: Path) -> None:
    """The README pipes a clone's own words; they fit whatever model is named, even the one that comes with it."""
    lines = [line for path in RUN for block in blocks(path, "console") for line in block.splitlines()]
    piped = [line.removeprefix("$ ") for line in lines if "| causerie chat" in line]
    assert piped
    (tmp_path / "causerie").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m causerie.cli.main "$@"\n')
    (tmp_path / "causerie").chmod(0o755)
    source = str(Path(causerie.__file__).parent.parent)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": source}
    for line in piped:
        here = re.sub(r"causerie chat [\w.-]+/[\w.-]+", "causerie chat builtin", line)
        done = subprocess.run(here, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 and done.stdout.strip(), (line, done.stderr)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if "://" not in target and not (path.parent / target).exists()] == []


def test_the_files_of_the_house_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`([\w/.]+\.(?:py|cpp|h))`", text))
    places = ("", "src/causerie/", "src/causerie/**/")
    assert [name for name in sorted(names) if not any(any(ROOT.glob(place + name)) for place in places)] == []


def test_the_generated_documents_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "generate_docs.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
