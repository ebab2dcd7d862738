"""A model and its tokenizer, opened together: the tokenizer of a GGUF file is made while its weights are read, which
takes no turn of Python's.

Knows no chat and no terminal.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from causerie.api.auto import AutoTokenizer
from causerie.api.loading.load import open_model
from causerie.api.loading.progress_line import LoadingLine
from causerie.api.options.load_options import LoadOptions
from causerie.checkpoint.hub import local_place
from causerie.checkpoint.local_model import is_gguf_file

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer


BEFORE_TOKENIZER = 2**28
"""Bytes of weights that are placed first. To place them is work of Python's, for which a tokenizer, once it is begun,
would leave no turn; what is read after that is not."""


def open_with_tokenizer(
    name: str,
    options: LoadOptions,
    check: Callable[[ChatTokenizer], None],
    *,
    progress: bool = True,
    models_folder: Path | None = None,
) -> tuple[CausalLM, ChatTokenizer]:
    """Both. What is wrong with the tokenizer, or with it by `check`, is said before the weights are read, or of a GGUF
    file while they are. Raises as from_pretrained of both, and what `check` raises."""

    def tokenizer() -> ChatTokenizer:
        made = AutoTokenizer.from_pretrained(name)
        check(made)
        return made

    place = local_place(name)
    if place is None or not is_gguf_file(place):
        made = tokenizer()
        return open_model(name, options, progress=progress, models_folder=models_folder), made
    line = LoadingLine(sys.stderr, "Loading") if progress else None
    with _no_collection(), ThreadPoolExecutor(1, thread_name_prefix="tokenizer") as thread:
        beside = _Beside(partial(thread.submit, tokenizer), line)
        try:
            model = open_model(name, options, progress=beside, models_folder=models_folder)
        finally:
            if line is not None:
                line.clear()
        try:
            return model, beside.tokenizer()
        except BaseException:
            model.close()
            raise


@contextmanager
def _no_collection() -> Iterator[None]:
    """Nothing looks for cycles of garbage meanwhile: each time it would go through all of a vocabulary, of which
    nothing is any."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Beside:
    """Is told of what was read: has the tokenizer made, ends the reading where there can be none, and tells a line."""

    def __init__(self, begin: Callable[[], Future[ChatTokenizer]], line: LoadingLine | None) -> None:
        self._begin = begin
        self._line = line
        self._pending: Future[ChatTokenizer] | None = None

    def __call__(self, done: int, total: int, tensor: str) -> None:
        if self._pending is None and done >= min(total, BEFORE_TOKENIZER):
            self._pending = self._begin()
        if self._pending is not None and self._pending.done():
            self._pending.result()
        if self._line is not None:
            self._line(done, total, tensor)

    def tokenizer(self) -> ChatTokenizer:
        """It, once it is made. Raises what making it does."""
        return (self._pending or self._begin()).result()
