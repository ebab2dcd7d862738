"""One server for the tests of this folder; what one test does to it, the next one sees it survive."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.server_process import Server, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server")) as started:
        yield started
