"""config.json, read with counting: every accessor marks its key as read; what nobody read is judged at the end.

A family that forgets a key computes something else than the model that was trained, and says nothing. Here it cannot:
`Config.finish` has what is left over judged by unread_keys.py. Sizes are checked against bounds before anything is
allocated. This module knows no family, no weights, and runs nothing that a config names.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from causerie.checkpoint.json_object import read_json_object
from causerie.errors import ConfigError, MissingFile
from causerie.models.config_origin import CONFIG_JSON, ConfigOrigin
from causerie.models.unread_keys import UnreadKey, judge, same_json, short_json

MOST_BYTES = 16 * 2**20  # of a config.json; real ones have some kilobytes
MOST_SIZE = 2**24  # of any width, count or context; a float32 position is exact up to here
MOST_LAYERS = 4096
MOST_NUMBER = 1e15  # of any real number; float32 arithmetic must not overflow on it

_INFINITY = {"__float__": "Infinity"}  # as transformers writes it

T = TypeVar("T")


class _Required:
    """The default of a key without a default."""


REQUIRED: Final = _Required()


class Config:
    """One JSON object of a config. `path` is the dotted prefix of its keys, "" at the top; `origin` says where it is
    from, for errors.

    A null counts as absent: it takes the default, or is an error where there is none. Only `optional_integer` tells
    the two apart.
    """

    def __init__(
        self, values: Mapping[str, Any], *, family: str, path: str = "", origin: ConfigOrigin = CONFIG_JSON
    ) -> None:
        self.family = family
        self.origin = origin
        self._values = values
        self._path = path
        self._read: set[str] = set()
        self._names: dict[str, str] = {}  # what the file calls keys that are read by another name
        self._parts: dict[str, Config] = {}
        self._unexpected: list[str] = []

    def rename(self, theirs: Mapping[str, str]) -> None:
        """Reads keys by the names that most families have for them; `theirs` says of each what files of this one call
        it. Raises ConfigError for a file that has both, with different values."""
        for ours, name in theirs.items():
            if name not in self._values:
                continue
            if self.has(ours) and self.has(name) and not same_json(self._values[ours], self._values[name]):
                raise self.wrong(name, self._values[name], f"{short_json(self._values[ours])}, as {ours!r} is")
            values = dict(self._values)
            values[ours] = values.pop(name)
            self._values, self._names[ours] = values, name

    def assume(self, values: Mapping[str, Any]) -> None:
        """What a config means that does not have these keys: the field's defaults for a family."""
        self._values = {**values, **self._values}

    def cut(self, keys: Iterable[str], layers: int, behind: int) -> None:
        """Reads these lists, of an item for each layer, without what they say of `behind` further layers at the end."""
        lists = {key: self._values[key] for key in keys if self.holds_list(key)}
        self._values = {
            **self._values,
            **{key: value[:layers] for key, value in lists.items() if len(value) == layers + behind},
        }

    def integer(self, key: str, default: int | _Required = REQUIRED, *, least: int = 1, most: int = MOST_SIZE) -> int:
        """A whole number in least..most."""
        return self._whole(key, self._take(key, default), least, most)

    def optional_integer(self, key: str, absent: int | None, *, least: int = 1, most: int = MOST_SIZE) -> int | None:
        """A whole number in least..most; None where the config says null, `absent` where it says nothing."""
        self._read.add(key)
        if key not in self._values:
            return absent
        value = self._values[key]
        return None if value is None else self._whole(key, value, least, most)

    def number(
        self, key: str, default: float | _Required = REQUIRED, *, least: float = 0.0, above: bool = True
    ) -> float:
        """A number greater than `least` (or equal to it, unless `above`), at most MOST_NUMBER."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.wrong(key, value, "a number")
        try:
            result = float(value)
        except OverflowError:
            result = math.inf
        if not least <= result <= MOST_NUMBER or (above and result == least):
            raise self.wrong(key, value, f"a number {'greater than' if above else 'of at least'} {least:g}")
        return result

    def optional_number(
        self, key: str, *, absent: float | None = None, least: float = 0.0, above: bool = True
    ) -> float | None:
        """As `number`; None where the config says null, `absent` where it says nothing."""
        if self._absent(key):
            return None if key in self._values else absent
        return self.number(key, least=least, above=above)

    def numbers(self, key: str, count: int, *, above: bool = True) -> list[float]:
        """A list of so many numbers greater than 0 (or 0, unless `above`)."""
        value = self._take(key, REQUIRED)
        fits = isinstance(value, list) and len(value) == count
        least = math.ulp(0.0) if above else 0.0
        if not fits or not all(type(item) in (int, float) and least <= item <= MOST_NUMBER for item in value):
            raise self.wrong(key, value, f"a list of {count} numbers {'greater than' if above else 'of at least'} 0")
        return [float(item) for item in value]

    def limits(self, key: str) -> tuple[float, float]:
        """Two numbers of at least 0 between which something is held, the lesser first: 0 and infinity where the config
        says null or nothing. JSON has no infinity; files write it as Python does, or as transformers does."""
        if self._absent(key):
            return 0.0, math.inf
        value = self._take(key, REQUIRED)
        both = [math.inf if same_json(item, _INFINITY) else item for item in value] if isinstance(value, list) else []
        fit = len(both) == 2 and all(type(item) in (int, float) for item in both)
        if not fit or not 0 <= both[0] <= both[1]:
            raise self.wrong(key, value, "a list of two numbers of at least 0, the lesser first")
        return float(both[0]), float(both[1])

    def integers(self, key: str, *, least: int = 0, most: int = MOST_SIZE) -> list[int] | None:
        """A list of whole numbers in least..most, or None where the config says null or nothing."""
        if self._absent(key):
            return None
        value = self._take(key, REQUIRED)
        if not isinstance(value, list):
            raise self.wrong(key, value, f"a list of whole numbers from {least} to {most}")
        return [self._whole(key, item, least, most) for item in value]

    def integer_of_each(self, key: str, count: int) -> list[int]:
        """`count` whole numbers of at least 1: a list of so many, or one that counts for all."""
        value = self._take(key, REQUIRED)
        each = value if isinstance(value, list) else [value] * count
        if len(each) != count:
            raise self.wrong(key, value, f"a whole number, or a list of {count}")
        return [self._whole(key, item, 1, MOST_SIZE) for item in each]

    def boolean(self, key: str, default: bool | _Required = REQUIRED) -> bool:
        """true or false."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, value, "true or false")
        return value

    def choice(self, key: str, default: T, known: Sequence[T]) -> T:
        """One of the `known` values."""
        value = self._take(key, default)
        if not any(same_json(value, each) for each in known):
            raise self.wrong(key, value, " or ".join(map(json.dumps, known)))
        return cast("T", value)

    def word(self, key: str, default: str | _Required = REQUIRED) -> str:
        """A string."""
        value = self._take(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, value, "a string")
        return value

    def words(self, key: str) -> list[str] | None:
        """A list of strings, or None where the config says null or nothing."""
        if self._absent(key):
            return None
        value = self._take(key, REQUIRED)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, value, "a list of strings")
        return value

    def part(self, key: str) -> Config | None:
        """The object under `key`, with its own count, or None where the config says null or nothing. Always the same
        one."""
        if self._absent(key):
            return None
        value = self._take(key, REQUIRED)
        if not isinstance(value, dict):
            raise self.wrong(key, value, "an object")
        return self._parts.setdefault(
            key, Config(value, family=self.family, path=f"{self._path}{key}.", origin=self.origin)
        )

    def numbered_parts(self, key: str) -> dict[int, Config] | None:
        """The objects under `key` by the numbers that they are called, which may begin with zeros; None where the
        config says null or nothing."""
        parts = self.part(key)
        if parts is None:
            return None
        if not all(name.isdecimal() for name in parts._values):
            raise self.wrong(key, self._values[key], "an object whose keys are numbers of layers")
        return {int(name): part for name in parts._values if (part := parts.part(name)) is not None}

    def holds_objects(self, key: str) -> bool:
        """Whether `key` is an object whose values are objects, as where each kind of layer has one. Marks nothing."""
        value = self._values.get(key)
        return isinstance(value, dict) and any(isinstance(inner, dict) for inner in value.values())

    def holds_list(self, key: str) -> bool:
        """Whether `key` is a list. Marks nothing."""
        return isinstance(self._values.get(key), list)

    def expect(self, key: str, *neutral: Any) -> None:
        """Declares `key` harmless as long as it is absent, null or one of `neutral`; `finish` refuses anything else."""
        if self.has(key) and not any(same_json(self._values[key], value) for value in neutral):
            listed = " or ".join(json.dumps(value) for value in neutral)
            own = self.origin.own(self._said(key))
            made = "" if own is None else f", made of {own!r}"
            self._unexpected.append(f"{self._unread(key)} (only {listed} is done here{made})")
        self._read.add(key)

    def leave(self, *keys: str) -> None:
        """Declares that these keys are about parts of a larger model that are left out, or about how weights were first
        drawn."""
        self._read.update(keys)

    def says(self, key: str, value: Any) -> bool:
        """Whether `key` has this very value."""
        return not self._absent(key) and same_json(self._values[key], value)

    def has(self, key: str) -> bool:
        """Whether `key` is there and not null."""
        return self._values.get(key) is not None

    def wrong(self, key: str, value: Any, expected: str) -> ConfigError:
        """The error for a value that cannot be meant."""
        return ConfigError(
            f"{self.origin.sets(self._said(key), short_json(value))}; it must be {expected}. "
            "The file is damaged, or made for another program."
        )

    def unexpected(self) -> Iterator[str]:
        """What `expect` was told, with its name and value, and found otherwise."""
        yield from self._unexpected
        for part in self._parts.values():
            yield from part.unexpected()

    def leftovers(self) -> Iterator[UnreadKey]:
        """What nobody read, nulls left out."""
        for key, value in self._values.items():
            if key not in self._read and value is not None:
                yield self._unread(key)
        for part in self._parts.values():
            yield from part.leftovers()

    def finish(self, strict: bool) -> None:
        """Raises ConfigError for keys that mean arithmetic and were not read, all together; warns about other keys that
        were not read and are not known to be inert, or raises ConfigError for them too where `strict`."""
        judge(self.leftovers(), self.family, strict, self.origin, self.unexpected())

    def _unread(self, key: str) -> UnreadKey:
        return UnreadKey(self._names.get(key, key), self._values[key], self._values, self._path)

    def _said(self, key: str) -> str:
        return self._path + self._names.get(key, key)

    def _take(self, key: str, default: Any) -> Any:
        self._read.add(key)
        value = self._values.get(key)
        if value is not None:
            return value
        if default is not REQUIRED:
            return default
        name = self._said(key)
        said = f"{self.origin.name} sets it to null" if key in self._values else self.origin.lacks(name)
        raise ConfigError(
            f"Family {self.family!r} needs {name!r} and {said}. The file is damaged, or made for another program."
        )

    def _absent(self, key: str) -> bool:
        self._read.add(key)
        return not self.has(key)

    def _whole(self, key: str, value: Any, least: int, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(key, value, f"a whole number from {least} to {most}")
        return value


_QUANTIZATION_BESIDE = "hf_quant_config.json"  # where older releases of ModelOpt say how weights are held


def read_config(folder: str | Path) -> dict[str, Any]:
    """The config.json of a model folder, with what ModelOpt says of quantization in a file beside it. Raises
    MissingFile, or ConfigError where one of them is not a JSON object."""
    path = Path(folder) / "config.json"
    if not path.is_file():
        raise MissingFile(f"{folder} has no config.json. A model folder needs config.json, weights and a tokenizer.")
    values = read_json_object(path, error=ConfigError, most_bytes=MOST_BYTES)
    beside = path.with_name(_QUANTIZATION_BESIDE)
    if values.get("quantization_config") is None and beside.is_file():
        said = read_json_object(beside, error=ConfigError, most_bytes=MOST_BYTES).get("quantization")
        values["quantization_config"] = {**(said if isinstance(said, dict) else {}), "quant_method": "modelopt"}
    return values
