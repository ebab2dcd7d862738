"""The text files that a name or a pattern means, and what it means beside them that is no text. Knows no chat."""

from __future__ import annotations

from pathlib import Path

from causerie.errors import UsageError

MOST_CHARACTERS = 1 << 20
"""Of one file."""
MOST_FILES = 32


def texts_of(pattern: str) -> tuple[list[tuple[Path, str]], list[str]]:
    """The files that `pattern` names, each with its text, at most MOST_FILES of them; and what was left out, each with
    the reason. Raises UsageError where that leaves nothing."""
    texts: list[tuple[Path, str]] = []
    left_out: list[str] = []
    paths = _named(pattern)
    for path in paths:
        if len(texts) == MOST_FILES:
            left_out.append(f"{path.name} ({MOST_FILES} files are the most)")
            continue
        try:
            texts.append((path, _text(path)))
        except ValueError as error:
            left_out.append(f"{path.name} ({error})")
    if not texts:
        raise UsageError(f"{pattern} names no text file" + (f": {listed(left_out)}." if left_out else "."))
    return texts, left_out


def listed(names: list[str], most: int = 8) -> str:
    """Names after each other, so many of them as can be read."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _named(pattern: str) -> list[Path]:
    """What a name or pattern means, in order; a name with signs of a pattern in it is a name where it is there."""
    path = Path(pattern).expanduser()
    if path.exists():
        return [path]
    return sorted(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))))


def _text(path: Path) -> str:
    """The text of a file. Raises ValueError with the reason where it is none."""
    if path.is_dir():
        raise ValueError("a folder")
    if not path.is_file():
        raise ValueError("no file")  # a pipe or a device could wait for ever
    try:
        if path.stat().st_size > 4 * MOST_CHARACTERS:
            raise ValueError(f"more than {MOST_CHARACTERS} characters")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text") from None
    except OSError as error:
        raise ValueError(str(error.strerror)) from None
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"more than {MOST_CHARACTERS} characters")
    if "\0" in text:
        raise ValueError("not text")
    return text
