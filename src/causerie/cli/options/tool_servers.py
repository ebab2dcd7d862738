"""`--mcp FILE`: the tools of the MCP servers that a file names, while a command runs. Knows no tool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from causerie.tools.toolbox import Toolbox


@contextmanager
def opened_tools(file: str | None) -> Iterator[Toolbox | None]:
    """The tools, begun; None where no file is named. Raises UsageError with all that is wrong."""
    if file is None:
        yield None
        return
    from causerie.tools.toolbox import Toolbox

    with Toolbox.open(Path(file).expanduser()) as toolbox:
        yield toolbox
