"""What OpenAI's protocols tell a chat template beside the messages: how much to think and how much to say. Pure.

A template that does not read them is not changed by them.
"""

from __future__ import annotations

from typing import Any

from causerie.server.protocols.service_fields import among

VERBOSITIES = ("low", "medium", "high")


def template_variables(effort: str | None, verbosity: str | None, param: str = "verbosity") -> dict[str, Any]:
    """Variables for `reasoning_effort` and `verbosity`; None is not told. Raises Refusal for a verbosity that is none,
    of the field `param`."""
    among("verbosity", verbosity, VERBOSITIES, param)
    thinking = {} if effort is None else {"reasoning_effort": effort, "enable_thinking": effort != "none"}
    return thinking | ({} if verbosity is None else {"verbosity": verbosity})
