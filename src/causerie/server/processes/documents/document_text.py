"""The text of a file: of a PDF page by page, of any other as its bytes say. Knows no process and no HTTP.

A PDF is a program for drawing; its text is what can be gathered from that, in the order in which it is drawn. Pictures
of text are not read.
"""

from __future__ import annotations

import codecs
import io
import time
from typing import TYPE_CHECKING

import msgspec

from causerie.errors import UsageError

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

MOST_PAGES = 2_000  # that are read
MOST_CHARACTERS = 1 << 20  # after which no further page is read
SECONDS = 20.0  # after which no further page is begun
_HEAD = 1024  # bytes within which a PDF says that it is one
_BROKEN = "The file begins as a PDF and cannot be read as one: it is broken or cut. Attach a whole one."
_ENCRYPTED = "The PDF is encrypted. Save it without its password, and attach that file."
_PICTURES = "The PDF holds pictures of pages and no text, as scans do. Have a program recognise its text first."
_UNREADABLE = "No page of the PDF can be read: they are broken, or take too much memory. Attach their text."
_NO_TEXT = "The file is neither a PDF nor a text in UTF-8 or UTF-16. Save it as one of these."


class DocumentText(msgspec.Struct, frozen=True):
    """The text, and how much of the file it is: of `pages` (0 where it has none) the first `pages_read`, of which
    `pages_without_text` hold pictures alone or are broken."""

    kind: str
    text: str
    characters: int
    pages: int = 0
    pages_read: int = 0
    pages_without_text: int = 0


def text_of(data: bytes, seconds: float = SECONDS) -> DocumentText:
    """The text of a file. Raises UsageError for one of which there is none."""
    if b"%PDF-" in data[:_HEAD]:
        return _text_of_pdf(data, time.monotonic() + seconds)
    text = _decoded(data)
    return DocumentText("text", text, len(text))


def _decoded(data: bytes) -> str:
    """The text in UTF-16 where a mark says so, in UTF-8 else."""
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(_NO_TEXT) from None
    if "\0" in text:
        raise UsageError(_NO_TEXT)
    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"The text has {len(text):,} characters; at most {MOST_CHARACTERS:,}. Attach a part of it.")
    return text


def _text_of_pdf(data: bytes, end: float) -> DocumentText:
    reader = _opened(data)
    try:
        count = len(reader.pages)
    except Exception:  # noqa: BLE001 - broken files fail in every way there is
        raise UsageError(_BROKEN) from None
    if not count:
        raise UsageError("The PDF has no pages.")
    texts: list[str | None] = []
    length = 0
    for page in range(min(count, MOST_PAGES)):
        if texts and (time.monotonic() > end or length >= MOST_CHARACTERS):
            break
        texts.append(_text_of_page(reader.pages[page]))
        length += len(texts[-1] or "")
    text = "\n\n".join(filter(None, texts))[:MOST_CHARACTERS]
    if not text:
        raise UsageError(_UNREADABLE if None in texts else _PICTURES)
    return DocumentText("pdf", text, len(text), count, len(texts), sum(not each for each in texts))


def _opened(data: bytes) -> PdfReader:
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError

    try:
        reader = PdfReader(io.BytesIO(data))
        # Many are encrypted with an empty password, which only says what may be done with them.
        if reader.is_encrypted and not reader.decrypt(""):
            raise UsageError(_ENCRYPTED)
    except (DependencyError, FileNotDecryptedError):
        raise UsageError(_ENCRYPTED) from None
    except UsageError:
        raise
    except Exception:  # noqa: BLE001 - broken files fail in every way there is
        raise UsageError(_BROKEN) from None
    return reader


def _text_of_page(page: PageObject) -> str | None:
    """The page's text, "" where it has none; None where it cannot be read, which leaves the others readable."""
    try:
        text = page.extract_text()
    except Exception:  # noqa: BLE001 - broken pages fail in every way there is
        return None
    # Half a surrogate pair is no character, and cannot be sent.
    return text.replace("\0", "").encode("utf-8", "replace").decode().strip()
