"""Where the values of a config are from, in the words of errors. Knows no key, and opens nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ConfigOrigin:
    """A config.json; or a file whose values were made into those of one, with what it calls each of them by itself."""

    name: str
    advice: str  # what to do where it asks for what is not done here
    keys: Mapping[str, str] = field(default_factory=dict)

    def sets(self, key: str, shown: str) -> str:
        """The beginning of a sentence about a value; `key` is its dotted path."""
        own = self.own(key)
        said = f"{key!r} = {shown}"
        return f"{self.name} sets {said}" if own is None else f"{self.name} makes {said} of {own!r}"

    def lacks(self, key: str) -> str:
        """What is said of a key that has to be there and is not."""
        own = self.own(key)
        return f"{self.name} lacks {'it' if own is None else repr(own)}"

    def own(self, key: str) -> str | None:
        """What the file calls it, by as much of its path as tells it from others; None where that is not known."""
        words = key.split(".")
        paths = (".".join(words[i:]) for i in range(len(words)))
        return next((self.keys[path] for path in paths if path in self.keys), None)


CONFIG_JSON = ConfigOrigin(
    "config.json",
    "Use a checkpoint without that, or another program; a key that is left over from training or a conversion, and "
    "that the weights do not need, can be deleted.",
)
