"""Which of several GGUF files is meant: the parts of one belong together, a file of a multimodal model's other tower
(mmproj) is none, nor is a head that guesses for a model (mtp-), and of several kinds of numbers the usual ones are
taken. Knows names only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from causerie.errors import MissingFile, nearest

GGUF = ".gguf"
USUAL = ("Q4_K_M", "Q8_0")
"""The kinds that are taken where nobody says which, the first that is there."""
_PART = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)
_KIND = re.compile(
    r"(?:UD-)?(?:IQ\d_[A-Z]+|TQ\d_\d|Q\d_K(?:_(?:XXL|XL|[SML]))?|Q\d_[01]|MXFP4(?:_MOE)?|NVFP4|BF16|F16|F32|FP16|FP32)",
    re.IGNORECASE,
)
_BESIDE = re.compile(r"(?:^|[-_./])(?:mmproj|imatrix)|(?:imatrix|mmproj)[-_.]", re.IGNORECASE)
_HEAD = "mtp-"
"""How the name of a file begins that holds nothing of a model but the head that guesses for it."""
_MOST_NAMED = 12


@dataclass(frozen=True)
class GgufFiles:
    """One model: its file, or its parts in their order."""

    names: tuple[str, ...]

    @property
    def first(self) -> str:
        """The file that says what the model is."""
        return self.names[0]

    @property
    def kind(self) -> str:
        """What its numbers are, as its name says it: "Q4_K_M"; the name's stem where it says nothing."""
        return _kind(self.first) or _stem(self.first)


def is_gguf(name: str) -> bool:
    """Whether a name is that of a GGUF file."""
    return name.casefold().endswith(GGUF)


def is_beside(name: str) -> bool:
    """Whether a GGUF file belongs to a model and is none: what turns pictures into numbers, and statistics."""
    return is_gguf(name) and _BESIDE.search(name.rpartition("/")[2]) is not None


def is_head(name: str) -> bool:
    """Whether a GGUF file is, by its name, a head that guesses for a model."""
    return is_gguf(name) and name.rpartition("/")[2].startswith(_HEAD)


def gguf_models(names: Iterable[str]) -> list[GgufFiles]:
    """The models among files of a folder or repository, by name; parts that are not all there are none."""
    return _files(name for name in names if not is_head(name))


def head_beside(model: str, names: Iterable[str]) -> str | None:
    """Of the file names of a folder, the head that guesses for the model in one of them: one whose name is the model's,
    but for the kind of numbers and for what the model's says besides behind it; of several the one most of whose name
    is the model's, and in the same kind of numbers where there is one. None where there is none."""
    own = _base(model)
    heads = [each for each in _files(filter(is_head, names)) if _begins(own, _base(each.first[len(_HEAD) :]))]
    kind = _kind(model)
    heads.sort(key=lambda each: (-len(_base(each.first)), _kind(each.first) != kind, each.first))
    return heads[0].first if heads else None


def _files(names: Iterable[str]) -> list[GgufFiles]:
    """Those that are a model or a head, whole ones."""
    present = sorted(name for name in names if is_gguf(name) and not is_beside(name))
    models = []
    for name in present:
        part = _PART.fullmatch(name)
        if part is None:
            models.append(GgufFiles((name,)))
        elif int(part["number"]) == 1 and set(parts := parts_of(name)) <= set(present):
            models.append(GgufFiles(parts))
    return models


def parts_of(name: str) -> tuple[str, ...]:
    """All parts of the model that a part belongs to; itself, where it is no part."""
    part = _PART.fullmatch(name)
    if part is None:
        return (name,)
    ending = name[-len(GGUF) :]
    return tuple(f"{part['stem']}-{i + 1:05d}-of-{part['count']}{ending}" for i in range(int(part["count"])))


def choose_gguf(names: Iterable[str], choice: str | None, where: str) -> GgufFiles:
    """Of the file names of a repository, or of a folder, the model that `choice` names: a file, or a kind such as Q6_K;
    with None the usual kind, or the only one there is. Raises MissingFile, which names what there is."""
    present = list(names)
    models = gguf_models(present)
    if choice is not None and is_head(choice):
        return _named(_files(filter(is_head, present)), choice, where)
    if not models:
        raise MissingFile(f"{where} has no GGUF file of a model{_apart(present)}.")
    if choice is not None:
        return _named(models, choice, where)
    if len(models) == 1:
        return models[0]
    for kind in USUAL:
        matching = [model for model in models if model.kind.casefold() == kind.casefold()]
        if len(matching) == 1:
            return matching[0]
    raise MissingFile(f"{where} holds several models as GGUF: {_listed(models)}. Say which: {_how(models, where)}.")


def only_gguf(names: Iterable[str], where: str) -> GgufFiles:
    """The one model of a folder. Raises MissingFile where there are several, and says how one is chosen."""
    models = gguf_models(names)
    if len(models) > 1:
        raise MissingFile(f"{where} holds several models as GGUF: {_listed(models)}. Say which: {_how(models, where)}.")
    return choose_gguf(names, None, where)


def _named(models: list[GgufFiles], choice: str, where: str) -> GgufFiles:
    asked = choice.casefold()
    for matching in (
        [model for model in models if asked in (name.casefold() for name in model.names)],
        [model for model in models if asked == model.kind.casefold()],
        [model for model in models if asked == model.kind.casefold().removeprefix("ud-")],
        [model for model in models if asked == _stem(model.first).casefold()],
    ):
        if len(matching) == 1:
            return matching[0]
        if matching:
            raise MissingFile(f"{where} has several files that {choice!r} names: {_listed(matching)}. Name the file.")
    near = nearest(choice, [name for model in models for name in (model.kind, model.first)])[:1]
    hint = f" Did you mean {near[0]}?" if near else ""
    raise MissingFile(f"{where} has no GGUF file {choice!r}.{hint} There are: {_listed(models)}.")


def _kind(name: str) -> str | None:
    each = _KIND.findall(_stem(name))
    return None if not each else str(each[-1]).upper()


def _base(name: str) -> str:
    """What a name says of the model: without the kind of numbers at its end."""
    stem, kind = _stem(name), _kind(name)
    end = "" if kind is None else stem[len(stem) - len(kind) - 1 :]
    return (stem[: -len(end)] if end[:1] in "-._" and end[1:].upper() == kind else stem).casefold()


def _begins(whole: str, part: str) -> bool:
    """Whether a name begins with another, up to one of the places where words end."""
    return bool(part) and whole.startswith(part) and whole[len(part) : len(part) + 1] in ("", "-", "_", ".")


def _stem(name: str) -> str:
    part = _PART.fullmatch(name)
    return part["stem"] if part else name[: -len(GGUF)]


def _listed(models: list[GgufFiles]) -> str:
    rest = f" and {len(models) - _MOST_NAMED} more" if len(models) > _MOST_NAMED else ""
    return ", ".join(model.first for model in models[:_MOST_NAMED]) + rest


def _how(models: list[GgufFiles], where: str) -> str:
    return f"{where}:{models[0].kind}, or gguf_file={models[0].first!r} in Python"


def _apart(names: list[str]) -> str:
    """What GGUF files there are that are none."""
    beside = sorted(name for name in names if is_beside(name))
    if beside:
        return f"; {beside[0]} is what a multimodal model sees with, and no model by itself"
    if heads := sorted(filter(is_head, names)):
        return f"; {heads[0]} is a head that guesses for one, and is passed beside it (assistant_model, --draft)"
    parts = sorted(name for name in names if is_gguf(name) and _PART.fullmatch(name))
    return f"; of {parts[0]} not all parts are there" if parts else ""
