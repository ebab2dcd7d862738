"""What the parity tests share: one folder per case, and each backend that this tree has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from causerie.backends.ops import Backend
from tests.parity.cases import CASES, Case
from tests.parity.harness import BACKENDS, backend_or_none, save_case


@pytest.fixture(params=sorted(BACKENDS, reverse=True))
def backend(request: pytest.FixtureRequest) -> Backend:
    """A fresh backend on the CPU, each in turn."""
    made = backend_or_none(request.param)
    if made is None:
        pytest.skip(f"no {request.param} backend in this tree")
    return made


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case | str], Path]:
    """The checkpoint folder of a case, or of the case with that name; made when first asked for."""
    made: dict[str, Path] = {}
    by_name = {case.name: case for case in CASES}

    def folder(case: Case | str) -> Path:
        known = by_name[case] if isinstance(case, str) else case
        if known.name not in made:
            made[known.name] = save_case(known, tmp_path_factory.mktemp("case") / "model")
        return made[known.name]

    return folder
