"""Where a checkpoint keeps its chat templates: chat_template.jinja, additional_chat_templates/, or a configuration
file.

Gives sources by name ("default" is the one for chat); it knows no Jinja.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from causerie.checkpoint.json_object import read_optional_json
from causerie.errors import CheckpointError


def read_templates(folder: Path, config: Mapping[str, Any]) -> dict[str, str]:
    """The templates of a model folder by name, empty if it has none (a base model). Files of their own win over
    `config`, the contents of tokenizer_config.json; chat_template.json is the oldest form and counts last."""
    templates: dict[str, str] = {}
    alone = folder / "chat_template.jinja"
    if alone.is_file():
        templates["default"] = _read(alone)
    more = folder / "additional_chat_templates"
    if more.is_dir():
        templates.update({path.stem: _read(path) for path in sorted(more.glob("*.jinja"))})
    if templates:
        return templates
    return templates_by_name(config.get("chat_template")) or templates_by_name(
        read_optional_json(folder / "chat_template.json").get("chat_template")
    )


def templates_by_name(value: object) -> dict[str, str]:
    """Templates as a configuration gives them: one text, a list of {"name", "template"}, or an object by name."""
    if value is None:
        return {}
    if isinstance(value, str):
        return {"default": value}
    if isinstance(value, Mapping) and all(isinstance(text, str) for text in value.values()):
        return {str(name): text for name, text in value.items()}
    if isinstance(value, (list, tuple)):
        try:
            return {str(entry["name"]): str(entry["template"]) for entry in value}
        except (TypeError, KeyError):
            pass
    raise CheckpointError(
        f"chat_template is a {type(value).__name__} of an unknown form; a text, or a list of objects with name and "
        "template was expected."
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path} is not UTF-8 text: {error}. Download the file again.") from error
