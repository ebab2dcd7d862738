"""A tokenizer's files, as `save_pretrained` writes them: tokenizer.json, tokenizer_config.json and the chat templates.

What was changed since the tokenizer was loaded is in them. Knows no model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from causerie.api.generation.foreign_flags import ForeignFlag
from causerie.errors import CheckpointError, UsageError
from causerie.text.special_tokens import STANDARD_NAMES
from causerie.text.tokenizer import Tokenizer

TOKENIZER, CONFIG, TEMPLATE = "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"
MORE_TEMPLATES = "additional_chat_templates"
FOREIGN = {
    "legacy_format": ForeignFlag((False,), "Only tokenizer.json is written, which every program of the field reads."),
    "filename_prefix": ForeignFlag((), "The files have the names that from_pretrained looks for."),
    "save_format": ForeignFlag((), "tokenizer.json is the one format."),
    "push_to_hub": ForeignFlag((False,), "Upload the folder with `hf upload`."),
    "save_jinja_files": ForeignFlag((True,), "A chat template is a file of its own."),
}
"""Options of transformers' save_pretrained that nothing here does."""


def tokenizer_config(text: Tokenizer, sides: Mapping[str, Any]) -> dict[str, Any]:
    """The contents of tokenizer_config.json: those it was loaded with, with its special tokens and added tokens as they
    are now, and `sides`, what the caller may have set."""
    config = {name: value for name, value in text.config.items() if name != "chat_template"}
    named = text.special_tokens_map
    for name in (*STANDARD_NAMES, *(name for name in named if name not in STANDARD_NAMES)):
        stored = config.get(name)
        spelling = stored.get("content") if isinstance(stored, Mapping) else stored
        if spelling != named.get(name) or name not in config:
            config[name] = named.get(name)  # null says that there is none, whatever the class has by default
    config.pop("additional_special_tokens", None)
    if not isinstance(config.get("extra_special_tokens"), Mapping):
        config["extra_special_tokens"] = list(text.extra_special_tokens)
    # With this record of them nobody reads the older files of special tokens that may lie beside.
    config["added_tokens_decoder"] = {str(id): asdict(token) for id, token in text.added_tokens_decoder().items()}
    return {**config, **sides}


def write_tokenizer(
    folder: Path, text: Tokenizer, config: Mapping[str, Any], templates: Mapping[str, str]
) -> tuple[str, ...]:
    """Writes the files into `folder`, which is made if need be, and returns their paths. Raises UsageError for a folder
    that is a file, and for a template whose name is no file's; CheckpointError where the disk refuses."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; save_pretrained() wants a folder.")
    files = {
        TOKENIZER: text.to_json(),
        CONFIG: json.dumps(config, indent=2, ensure_ascii=False) + "\n",
    }
    for name, source in templates.items():
        if Path(name).name != name:
            raise UsageError(f"The chat template {name!r} needs a name that a file can have, to be saved.")
        files[TEMPLATE if name == "default" else f"{MORE_TEMPLATES}/{name}.jinja"] = source
    try:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be written: {error.strerror}.") from None
    return tuple(str(folder / name) for name in files)
