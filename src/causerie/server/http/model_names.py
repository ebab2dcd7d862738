"""Which served model a request means, by the name that it gives or by none. Knows names and no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from causerie.errors import unknown
from causerie.server.http.failure_responses import Refusal

_LONGEST = 200  # characters of a name that are told again


@dataclass(frozen=True)
class ModelNames:
    """The names by which requests may ask. `served` may grow; `aliases` are further names of served models; with
    `any_name` whatever else is asked for is the first model that is loaded."""

    served: list[str]
    aliases: Mapping[str, str] = field(default_factory=dict)
    any_name: bool = False

    def model(self, name: str | None, loaded: list[str]) -> str:
        """The served model that a request means; `loaded` are those in memory. Raises Refusal for a name that is none,
        and for no name where several are served."""
        if name is not None and name in self.served:
            return name
        if name is not None and name in self.aliases:
            return self.aliases[name]
        if self.any_name:
            return next((one for one in self.served if one in loaded), self.served[0])
        if name is not None:
            sentence = str(unknown("model", name[:_LONGEST], [*self.served, *self.aliases]))
            raise Refusal(404, sentence, param="model", code="model_not_found")
        if len(self.served) > 1:
            sentence = f"The request names no model, and there are several: {', '.join(self.served)}. Name one."
            raise Refusal(400, sentence, param="model")
        return self.served[0]

    @property
    def listed(self) -> list[str] | None:
        """All names that a request may have; None where it may have any."""
        return None if self.any_name else [*self.served, *self.aliases]

    def aliases_of(self, model: str) -> list[str]:
        """The further names of a served model."""
        return [alias for alias, name in self.aliases.items() if name == model]
