"""Writes src/causerie/models/arithmetic_keys.txt: the keys of config.json by which some family of the field computes.

`generate_config_keys.py` writes the file; `generate_config_keys.py --check` only says whether it is out of date, and
fails then. Run it with a Python that has the package and transformers: sources are parsed and nothing of them is
imported. What is read there and means no arithmetic is left out, by the groups of causerie.models.inert and of
`NO_ARITHMETIC`, each with its reason.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from causerie.models.inert import INERT, REFUSED

LIST = Path(__file__).resolve().parent.parent / "src" / "causerie" / "models" / "arithmetic_keys.txt"

NO_ARITHMETIC: dict[str, str] = {
    r"_(?!remove_final_layer_norm).*": "kept by transformers for itself, as which attention was chosen",
    r"(?!token_dropout).*(dropout|_pdrop|_drop$|drop_(path|conn|rate|prob|mlp|conv)|droppath|layerdrop).*": (
        "drops a part of the numbers, in training only; ESM's token_dropout also scales where nothing is dropped"
    ),
    r".*(jitter|label_smoothing|label_noise|gradient_clipping|loss).*|(router|aux|z).*_coef(ficient)?": "training only",
    r"(freeze|apply_spec_augment|mask_(time|feature)_(prob|length|min_masks)).*": "training only",
    r".*initializer.*|(.+_)?init(_xavier)?_std|rescale_prenorm_residual": "how weights were first drawn",
    r"seed": "of somebody's training, in the files that have it; one family hashes by it and has other keys for that",
    r"output_(attentions|hidden_states|(router_|auxiliary_)?logits|segmentation|retrieved)|return_.*": (
        "what is returned beside the logits"
    ),
    r".+_token_(ids?|index)|.+_(bos|eos|pad|start|end|nothink)_id|(bos|eos|pad|sep)_index": (
        "which ids of the vocabulary stand for a picture, a sound or an end"
    ),
    r"max_seq_len|n_ctx|n_positions": (
        "how long a text may be, which is a bound and no arithmetic where positions are rotations"
    ),
    r"token|revision": "asked of a download",
    r"dtype|.+_dtype|.*fp32.*|.*float32.*|.*_fp16|fp16_.*": "in which precision one program computes the same",
    r"use_(mamba|custom)_kernels|use_mambapy|disable_custom_kernels|deterministic_flash_attn|slow_but_exact": (
        "another way to compute the same"
    ),
    r"use_(cache|mems_eval|mems_train)|cache_implementation|max_inference_chunksize": "how a program is run",
    r"(id|label)2(id|label)|num_labels|problem_type|classifier_.*|summary_.*|seq_classif.*": "of classifiers",
    r"max_new_tokens|generation_kwargs|guidance_scale": "asked of generate(), not computed by",
}
"""Patterns of whole keys that modeling code reads and that change no logit of a text model, and why not."""

_SHARED = ("masking_utils.py", "modeling_rope_utils.py")
"""Modules beside the families that their forward passes call with the config."""
_LAYER_TYPES = "ALLOWED_ATTN_LAYER_TYPES"
"""The names of kinds of layers, in configuration_utils.py: `rope_parameters` may hold a rotation under each."""


def arithmetic_keys(sources: Path) -> set[str]:
    """The keys, from the sources of an installed transformers."""
    found: set[str] = set()
    for name in _SHARED:
        found |= set(_read_by_modeling(_tree(sources / name)))
    for node in _tree(sources / "configuration_utils.py").body:
        if isinstance(node, ast.Assign) and any(_is_name(target, _LAYER_TYPES) for target in node.targets):
            found |= set(ast.literal_eval(node.value))
    for folder in sorted((sources / "models").iterdir()):
        keys: set[str] = set()
        renamed: dict[str, str] = {}
        for file in sorted(folder.glob("modeling_*.py")):
            keys |= set(_read_by_modeling(_tree(file)))
        for file in sorted(folder.glob("configuration_*.py")):
            for node in ast.walk(_tree(file)):
                if isinstance(node, ast.ClassDef):
                    keys |= set(_read_by_config(node))
                    renamed |= _renamed(node)
        found |= keys | {renamed[key] for key in keys & renamed.keys()}
    left_out = re.compile("|".join(f"(?:{pattern})" for pattern in NO_ARITHMETIC))
    return {key for key in found if not left_out.fullmatch(key)} - INERT - REFUSED.keys()


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _read_by_modeling(tree: ast.AST) -> Iterator[str]:
    """`config.KEY`, `getattr(config, "KEY")`, `config.rope_parameters["KEY"]`, `rope_parameters.get("KEY")`."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            if id(node) not in called and _is_config(node.value):
                yield node.attr
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr") and _is_config(node.args[0]):
                yield from _texts(node.args[1])
            elif _is_rope(_object_asked(node)):
                yield from _texts(node.args[0])
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _is_rope(node.value):
            yield from _texts(node.slice)


def _read_by_config(node: ast.ClassDef) -> Iterator[str]:
    """Fields of a config class from which its own methods make what the forward pass reads, such as layer types."""
    fields = {each.target.id for each in node.body if isinstance(each, ast.AnnAssign) and _is_name(each.target)}
    for method in node.body:
        if not isinstance(method, ast.FunctionDef) or method.name.startswith("validate"):
            continue
        for each in ast.walk(method):
            if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Load) and _is_name(each.value, "self"):
                yield from {each.attr} & fields
            elif isinstance(each, ast.Call) and _is_name(_object_asked(each), "kwargs"):
                yield from _texts(each.args[0])


def _renamed(node: ast.ClassDef) -> dict[str, str]:
    """The family's own names in config.json for what its code reads by common ones."""
    for each in node.body:
        if isinstance(each, ast.Assign) and any(_is_name(target, "attribute_map") for target in each.targets):
            renamed: dict[str, str] = ast.literal_eval(each.value)
            return renamed
    return {}


def _object_asked(call: ast.Call) -> ast.expr | None:
    """`x` of `x.get(…)` and `x.pop(…)`."""
    return call.func.value if isinstance(call.func, ast.Attribute) and call.func.attr in ("get", "pop") else None


def _is_config(node: ast.expr | None) -> bool:
    name = _last_name(node)
    return name == "config" or name.endswith("_config")


def _is_rope(node: ast.expr | None) -> bool:
    return _last_name(node).startswith(("rope_parameters", "rope_scaling"))


def _is_name(node: ast.expr | None, name: str | None = None) -> bool:
    return isinstance(node, ast.Name) and name in (None, node.id)


def _last_name(node: ast.expr | None) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def written() -> str:
    """The file's text."""
    origin = find_spec("transformers")
    if origin is None or origin.origin is None:
        sys.exit("transformers is not installed; its sources say which keys there are. pip install transformers")
    keys = arithmetic_keys(Path(origin.origin).parent)
    head = f"# Made by scripts/generate_config_keys.py from the sources of transformers {version('transformers')}."
    return "\n".join([head, *sorted(keys)]) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(f"generate_config_keys.py takes --check or nothing, not {' '.join(sys.argv[1:])!r}.")
    text = written()
    if not sys.argv[1:]:
        LIST.write_text(text, encoding="utf-8")
        print(f"wrote {LIST.name}: {text.count(chr(10)) - 1} keys")
    elif not LIST.is_file() or LIST.read_text(encoding="utf-8") != text:
        sys.exit(f"Out of date: {LIST.name}. Run .venv/bin/python scripts/generate_config_keys.py")
