"""The metadata of a GGUF file, read with counting, as config.json is: every accessor marks its key as read, and what
nobody read is judged at the end.

Keys are those of the file's architecture, without its name in front. Knows no architecture, and of tensors their names,
sizes and the few small ones that metadata is continued in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.index import TensorIndex
from causerie.errors import ConfigError
from causerie.models.config import MOST_LAYERS, MOST_NUMBER, MOST_SIZE
from causerie.models.gguf.unread import judge

_ARCHITECTURE = "general.architecture"
_MOST_SHOWN = 80  # characters of a value in an error


class _Required:
    """The default of a key without a default."""


REQUIRED: Final = _Required()


class Metadata:
    """What one file says of its model."""

    def __init__(self, values: Mapping[str, Any], index: TensorIndex) -> None:
        self._values = values
        self._index = index
        self._read: set[str] = set()
        self._vectors: set[str] = set()
        self._faults: list[str] = []
        self.file = min((str(index.info(name).file) for name in index.names()), default="The GGUF file")
        self.architecture = self._architecture()

    def integer(self, key: str, default: int | _Required = REQUIRED, *, least: int = 1, most: int = MOST_SIZE) -> int:
        """A whole number in least..most."""
        return self._whole(key, self._take(key, default), least, most)

    def integers(
        self, key: str, count: int, default: int | _Required = REQUIRED, *, least: int = 0, most: int = MOST_SIZE
    ) -> list[int]:
        """`count` whole numbers in least..most: a list of so many, or one that counts for all."""
        value = self._take(key, default)
        each = _items(value)
        if each is None:
            return [self._whole(key, value, least, most)] * count
        if len(each) != count:
            raise self.wrong(key, value, f"a whole number, or a list of {count}")
        return [self._whole(key, item, least, most) for item in each]

    def number(self, key: str, default: float | _Required = REQUIRED, *, least: float = 0.0) -> float:
        """A number of at least `least`."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= MOST_NUMBER:
            raise self.wrong(key, value, f"a number of at least {least:g}")
        return shortest(float(value))

    def numbers(self, key: str, count: int, *, least: float = -MOST_NUMBER) -> list[float]:
        """A list of so many numbers of at least `least`; one counts for all."""
        value = self._take(key, REQUIRED)
        each = _items(value)
        each = [value] * count if each is None else each
        fit = len(each) == count and all(_is_number(item) and least <= item <= MOST_NUMBER for item in each)
        if not fit:
            raise self.wrong(key, value, f"a list of {count} numbers")
        return [shortest(float(item)) for item in each]

    def model_numbers(self, key: str, count: int) -> list[float]:
        """A list of so many numbers under a key without the architecture's name in front; one counts for all."""
        value = self._values.get(key)
        each = _items(value)
        each = [value] * count if each is None else each
        if len(each) != count or not all(map(_is_number, each)):
            raise ConfigError(
                f"{self.file} sets {key!r} = {_short(value)}; it must be a list of {count} numbers, one for each "
                "layer. The file is damaged, or made for another program."
            )
        return [shortest(float(item)) for item in each]

    def deviations(self, key: str, count: int) -> list[float]:
        """A list of so many numbers, which may be infinitely small: standard deviations from a mean."""
        value = self._take(key, REQUIRED)
        each = _items(value)
        if each is None or len(each) != count or not all(_is_number(item) or item == -math.inf for item in each):
            raise self.wrong(key, value, f"a list of {count} numbers, each perhaps -inf")
        return [float(item) for item in each]

    def boolean(self, key: str, default: bool | _Required = REQUIRED) -> bool:
        """true or false."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, value, "true or false")
        return value

    def booleans(self, key: str, count: int) -> list[bool]:
        """A list of so many, each true or false, or 1 or 0."""
        value = self._take(key, REQUIRED)
        each = _items(value)
        if each is None or len(each) != count or not all(item in (0, 1) for item in each):
            raise self.wrong(key, value, f"a list of {count}, each true or false")
        return [bool(item) for item in each]

    def word(self, key: str, default: str | _Required = REQUIRED) -> str:
        """A string."""
        value = self._take(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, value, "a string")
        return value

    def full(self, key: str) -> str:
        """A key as the file has it."""
        return f"{self.architecture}.{key}"

    def has(self, key: str) -> bool:
        """Whether it is there. Marks nothing."""
        return self.full(key) in self._values

    def holds_list(self, key: str) -> bool:
        """Whether it is there and a list. Marks nothing."""
        return _items(self._values.get(self.full(key))) is not None

    def leave(self, *keys: str) -> None:
        """Declares that these keys change nothing in this architecture, whatever they say."""
        self._read.update(map(self.full, keys))

    def expect(self, key: str, *neutral: Any) -> None:
        """Declares a key harmless where it is absent or one of these; `finish` refuses anything else."""
        if self.has(key) and (value := self._take(key, REQUIRED)) not in neutral:
            listed = " or ".join(map(str, neutral))
            self._faults.append(f"{self.full(key)!r} = {_short(value)} (only {listed} is done here)")

    def holds(self, tensor: str) -> bool:
        """Whether the file has this tensor."""
        return tensor in self._index

    def holds_in_blocks(self, tensor: str) -> bool:
        """Whether one of the blocks has this tensor: those of a head, where the file holds nothing else."""
        return any(self.holds(f"blk.{i}.{tensor}") for i in range(self.integer("block_count", most=MOST_LAYERS)))

    def rows(self, tensor: str) -> int:
        """How many rows a matrix, or elements a vector, has. Raises WeightFileError where it is not there."""
        return self.shape(tensor)[0]

    def shape(self, tensor: str) -> tuple[int, ...]:
        """Raises WeightFileError where it is not there."""
        return tuple(self._index.info(tensor).shape)

    def vector(self, tensor: str, count: int) -> list[float]:
        """The numbers of a small tensor that continues the metadata, of which there must be so many, each greater than
        0. It is none of the weights then."""
        info = self._index.info(tensor)
        if info.dtype != "F32" or tuple(info.shape) != (count,):
            raise ConfigError(
                f"{info.file}: tensor {tensor!r} is {info.dtype} {tuple(info.shape)}; it must be {count} numbers of "
                "F32, one for each pair of elements that turns. The file is damaged, or made for another program."
            )
        read: NDArray[np.float32] = self._index.read(tensor)
        if not (np.isfinite(read).all() and (read > 0).all()):
            raise ConfigError(
                f"{info.file}: tensor {tensor!r} must hold numbers greater than 0. The file is damaged; download it "
                "again."
            )
        self._vectors.add(tensor)
        return [shortest(float(number)) for number in read]

    @property
    def continued(self) -> frozenset[str]:
        """The tensors that were read as metadata."""
        return frozenset(self._vectors)

    def wrong(self, key: str, value: Any, expected: str) -> ConfigError:
        """The error for a value that cannot be meant."""
        return ConfigError(
            f"{self.file} sets {self.full(key)!r} = {_short(value)}; it must be {expected}. "
            "The file is damaged, or made for another program."
        )

    def finish(self) -> None:
        """Raises ConfigError for keys that mean arithmetic and were not read, and for what `expect` found otherwise,
        all together; warns about other keys of the architecture that were not read and are not known to be inert."""
        prefix = f"{self.architecture}."
        judge(
            {key: value for key, value in self._values.items() if key.startswith(prefix) and key not in self._read},
            self.architecture,
            self.file,
            self._faults,
        )

    def _architecture(self) -> str:
        value = self._values.get(_ARCHITECTURE)
        if not isinstance(value, str) or not value:
            raise ConfigError(
                f"{self.file} sets {_ARCHITECTURE!r} = {value!r}; it must name an architecture, as 'llama'. "
                "The file is damaged, or made for another program."
            )
        return value

    def _take(self, key: str, default: Any) -> Any:
        full = self.full(key)
        self._read.add(full)
        if full in self._values:
            return self._values[full]
        if isinstance(default, _Required):
            raise ConfigError(
                f"{self.file} lacks {full!r}, which a model of architecture {self.architecture!r} needs. The file is "
                "damaged, or made by an old program; take a newer file of the same model."
            )
        return default

    def _whole(self, key: str, value: Any, least: int, most: int) -> int:
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
            raise self.wrong(key, value, f"a whole number from {least} to {most}")
        if not least <= value <= most:
            raise self.wrong(key, value, f"a whole number from {least} to {most}")
        return int(value)


def _items(value: Any) -> list[Any] | None:
    """The items of an array; None for any other value."""
    if isinstance(value, np.ndarray):
        return list(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return list(value)
    return None


def _short(value: Any) -> str:
    """A value as Python has it, cut where it is long."""
    shown = repr(value)
    return shown if len(shown) <= _MOST_SHOWN else shown[:_MOST_SHOWN] + "…"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def shortest(value: float) -> float:
    """The number with the fewest digits that float32, in which files hold it, does not tell from this one."""
    single = np.float32(value)
    return float(str(single)) if float(single) == value else value
