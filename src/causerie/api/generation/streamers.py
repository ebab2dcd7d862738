"""What watches generate() as it goes: to the terminal, or to a thread that iterates (async_streamer.py: a coroutine).

Names and parameters are the field's; pieces come as soon as their characters are whole, not word by word. Any object
with put(tokens) and end() is a streamer. Knows a tokenizer and no engine.
"""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

from causerie.errors import UsageError, unknown
from causerie.text.detokenize import Detokenizer

if TYPE_CHECKING:
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer
    from causerie.text.tokenizer import Tokenizer

_OPTIONS = ("skip_special_tokens", "clean_up_tokenization_spaces")


def text_of(tokenizer: Any) -> Tokenizer:
    """What turns tokens to text piece by piece, of a tokenizer of ours. Raises UsageError for another library's."""
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer

    if not isinstance(tokenizer, ChatTokenizer):
        raise UsageError(
            f"The tokenizer is {type(tokenizer).__module__}.{type(tokenizer).__name__}, which cannot decode piece by "
            "piece. Load it with causerie.AutoTokenizer.from_pretrained(…)."
        )
    return tokenizer.text


class TextStreamer:
    """Prints text to stdout as it is generated. `skip_prompt` leaves out the prompt; `skip_special_tokens` the tokens
    that mark turns."""

    def __init__(self, tokenizer: ChatTokenizer, skip_prompt: bool = False, **decode_kwargs: Any) -> None:
        for name in decode_kwargs:
            if name not in _OPTIONS:
                raise unknown("option of a streamer", name, ("skip_prompt", "timeout", *_OPTIONS))
        if decode_kwargs.get("clean_up_tokenization_spaces"):
            raise UsageError(
                "clean_up_tokenization_spaces=True changes text that was already shown, so a streamer cannot do it. "
                "Leave it out, or decode the whole answer with it."
            )
        self._text = text_of(tokenizer)
        self.tokenizer = tokenizer
        self.skip_prompt = skip_prompt
        self.skip_special_tokens = bool(decode_kwargs.get("skip_special_tokens", False))
        self._begin()

    def _begin(self) -> None:
        """Ready for a prompt, whatever came before."""
        self._detokenizer = Detokenizer(self._text, self.skip_special_tokens)
        self._prompt_comes = True

    def put(self, value: Any) -> None:
        """Takes the prompt first, then each new token: ids in a list, an array or a tensor of one row."""
        tokens = value.tolist() if hasattr(value, "tolist") else value
        if isinstance(tokens, list) and tokens and isinstance(tokens[0], list):
            if len(tokens) > 1:
                raise UsageError(f"A streamer shows one answer and was given a batch of {len(tokens)}.")
            tokens = tokens[0]
        tokens = tokens if isinstance(tokens, list | tuple) else [tokens]
        is_prompt, self._prompt_comes = self._prompt_comes, False
        if is_prompt:
            if not self.skip_prompt:
                self.on_finalized_text(self._detokenizer.push_all(tokens))
            return
        text = self._detokenizer.push_all(tokens)
        if text:
            self.on_finalized_text(text)

    def end(self) -> None:
        """The answer is complete: shows what waited for the last bytes of a character. The streamer can then be used
        again."""
        rest = self._detokenizer.finish()
        self._begin()
        self.on_finalized_text(rest, stream_end=True)

    def fail(self, error: BaseException) -> None:
        """The answer will not be completed; generate() raises `error` itself."""
        if not self._prompt_comes:  # else nothing was shown, so there is no line to end
            self.end()

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """What to do with a piece; meant to be overridden. `stream_end` marks the last one, which may be empty."""
        print(text, flush=True, end="\n" if stream_end else "")


class TextIteratorStreamer(TextStreamer):
    """Iterate over this while generate() runs in another thread. If generate() fails the iteration raises its error.
    `timeout` is how many seconds to wait for a piece before queue.Empty is raised; None waits for ever."""

    def __init__(
        self, tokenizer: ChatTokenizer, skip_prompt: bool = False, timeout: float | None = None, **decode_kwargs: Any
    ) -> None:
        super().__init__(tokenizer, skip_prompt, **decode_kwargs)
        self.timeout = timeout
        self.text_queue: queue.Queue[str | BaseException | None] = queue.Queue()

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Hands the piece to whoever iterates."""
        if text:
            self.text_queue.put(text)
        if stream_end:
            self.text_queue.put(None)

    def fail(self, error: BaseException) -> None:
        """The iteration raises `error` after the pieces that came before it."""
        self._begin()
        self.text_queue.put(error)

    def __iter__(self) -> TextIteratorStreamer:
        return self

    def __next__(self) -> str:
        piece = self.text_queue.get(timeout=self.timeout)
        if piece is None:
            raise StopIteration
        if isinstance(piece, BaseException):
            raise piece
        return piece
