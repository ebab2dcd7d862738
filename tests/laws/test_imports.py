"""The laws of the house that reading the source can prove: who imports whom, what is named how, how long things are.

Knows the order of docs/architecture.md and no behaviour.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "causerie"

# Imports point down only. A module belongs to the longest name here that it starts with, and may import from its own
# floor and from those below.
FLOORS = {
    "causerie": 0,  # the names of __init__.py, imported when first used
    "causerie.errors": 0,
    "causerie.settings": 0,
    "causerie.builtin": 0,
    "causerie.hub": 1,
    "causerie.tools": 1,
    "causerie.checkpoint": 1,
    "causerie.spec": 1,
    "causerie.quant": 2,
    "causerie.backends": 2,  # ops.py and step.py: the vocabulary
    "causerie.models": 3,
    "causerie.loading": 3,
    "causerie.cache": 3,
    "causerie.decoding": 3,
    "causerie.backends.native": 3,
    "causerie.backends.torch": 3,
    "causerie.engine": 4,
    "causerie.plan": 4,
    "causerie.engine.thread": 5,
    "causerie.api": 6,
    "causerie.server": 7,
    "causerie.cli": 7,
}
# The column beside: a floor of its own that only api and above may import, and what it may import itself.
COLUMN = {
    "causerie.text": ("causerie.text", "causerie.checkpoint", "causerie.errors", "causerie.settings"),
    "causerie.chat": (
        "causerie.chat",
        "causerie.text",
        "causerie.decoding",
        "causerie.checkpoint",
        "causerie.errors",
        "causerie.settings",
    ),
}
TORCH_CORNERS = ("causerie.backends.torch", "causerie.api.tensors")
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "base", "misc", "common"}
BARE_PARTICIPLES = {"chosen", "found", "given", "held", "kept", "laid", "placed", "taken", "used", "wanted"}
RUNS_CODE = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
LONGEST_FILE = 450
LONGEST_FUNCTION = 80


@cache
def modules() -> dict[str, tuple[Path, ast.Module]]:
    """Every module of the package by its dotted name."""
    trees = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = ["causerie", *path.relative_to(SOURCE).with_suffix("").parts]
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = (path, ast.parse(path.read_text(encoding="utf-8"), str(path)))
    return trees


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def imports(name: str) -> Iterator[tuple[str, int]]:
    """Each module that `name` imports, anywhere in it, and the line; `from a import b` is a.b where a.b is one."""
    path, tree = modules()[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                stem = package.split(".")[: len(package.split(".")) - node.level + 1]
                source = ".".join([*stem, *([node.module] if node.module else [])])
            for alias in node.names:
                deeper = f"{source}.{alias.name}"
                yield (deeper if deeper in modules() else source), node.lineno


def floor(name: str) -> int:
    return FLOORS[max((known for known in FLOORS if within(name, known)), key=len)]


def in_column(name: str) -> str | None:
    return next((column for column in COLUMN if within(name, column)), None)


def allowed(name: str, imported: str) -> bool:
    column = in_column(name)
    if column is not None:
        return any(within(imported, known) for known in COLUMN[column]) or imported == "causerie"
    if in_column(imported) is not None:
        return floor(name) >= FLOORS["causerie.api"]
    return floor(imported) <= floor(name)


def test_every_package_has_a_floor() -> None:
    # Without a line of its own a package would count as the root, and might be imported from everywhere.
    packages = {name for name, (path, _) in modules().items() if path.name == "__init__.py" and name.count(".") == 1}
    assert packages <= {*FLOORS, *COLUMN}


def test_imports_point_down_only() -> None:
    # __init__.py names its lazily imported homes for type checkers; it imports none of them.
    wrong = [
        f"{name}:{line} imports {imported}"
        for name in modules()
        if name != "causerie"
        for imported, line in imports(name)
        if within(imported, "causerie") and not allowed(name, imported)
    ]
    assert not wrong


# What the command line may import beside itself: the library through api, and what stands beside the house.
COMMAND_LINE = (
    "causerie.cli",
    "causerie.api",
    "causerie.chat",
    "causerie.text",
    "causerie.tools",
    "causerie.errors",
    "causerie.settings",
)


def test_the_command_line_uses_the_library_through_api_only() -> None:
    wrong = [
        f"{name}:{line} imports {imported}"
        for name in modules()
        if within(name, "causerie.cli")
        for imported, line in imports(name)
        if within(imported, "causerie") and imported != "causerie"
        if not any(within(imported, known) for known in COMMAND_LINE)
        if not (name == "causerie.cli.verbs.serve" and within(imported, "causerie.server"))
    ]
    assert not wrong


def test_a_backend_is_named_by_api_only() -> None:
    # Everybody else knows the vocabulary. plan/hardware.py measures the machine by the native library's kernels.
    backends = ("causerie.backends.native", "causerie.backends.torch")
    wrong = [
        f"{name}:{line} imports {imported}"
        for name in modules()
        if not any(within(name, home) for home in (*backends, "causerie.api", "causerie.plan.hardware"))
        for imported, line in imports(name)
        if any(within(imported, backend) for backend in backends)
    ]
    assert not wrong


@pytest.mark.parametrize("package", ["causerie.api", "causerie.cli", "causerie.chat", "causerie.plan", "causerie.text"])
def test_modules_of_a_package_import_each_other_in_no_circle(package: str) -> None:
    # Imports for type checkers count: a module that needs another's types is read together with it.
    inside = {name for name in modules() if within(name, package)}
    rest = {name: {each for each, _ in imports(name) if each in inside and each != name} for name in inside}
    while free := {name for name, needed in rest.items() if not needed & rest.keys()}:
        rest = {name: needed for name, needed in rest.items() if name not in free}
    assert not rest


def test_torch_is_imported_in_its_corner_only() -> None:
    wrong = [
        f"{name}:{line} imports {imported}"
        for name in modules()
        if not any(within(name, corner) for corner in TORCH_CORNERS)
        for imported, line in imports(name)
        if imported.split(".")[0] in {"torch", "triton", "transformers", "safetensors"}
    ]
    assert not wrong


def test_nothing_imported_can_run_a_file_of_a_model() -> None:
    wrong = []
    for name, (_, tree) in modules().items():
        wrong += [
            f"{name}:{line} imports {module}" for module, line in imports(name) if module.split(".")[0] in RUNS_CODE
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in {"eval", "exec", "torch.load", "yaml.load", "__import__"}:
                    wrong.append(f"{name}:{node.lineno} calls {called}")
    assert not wrong


def test_the_environment_is_read_in_settings_only() -> None:
    wrong = [
        f"{name}:{node.lineno}"
        for name, (_, tree) in modules().items()
        if name != "causerie.settings"
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv", "os.putenv"})
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and {"environ", "getenv"} & {a.name for a in node.names}
        )
    ]
    assert not wrong


def test_no_file_is_named_for_nothing() -> None:
    assert not [name for name in modules() if name.rpartition(".")[2] in FORBIDDEN_NAMES]


def names_of(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Each name that a module gives to a variable, a parameter, an attribute, a function or a class, and the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno


def test_nothing_is_named_by_a_bare_participle() -> None:
    # "kept" says that somebody keeps, and not what: a name is a noun that says what is there.
    wrong = [
        f"{name}:{line} {word}"
        for name, (_, tree) in modules().items()
        for word, line in names_of(tree)
        if word.strip("_").lower() in BARE_PARTICIPLES
    ]
    assert not wrong


def test_a_class_has_its_name_to_itself() -> None:
    # A word that means two things sends a reader to the wrong file. What a module keeps to itself it names as it likes.
    homes: dict[str, list[str]] = {}
    for name, (_, tree) in modules().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(name)
    assert not {name: places for name, places in homes.items() if len(places) > 1}


def test_every_module_says_what_it_is() -> None:
    assert not [name for name, (_, tree) in modules().items() if not ast.get_docstring(tree)]


def test_no_private_name_is_left_over() -> None:
    # What a module keeps to itself and never mentions again is dead.
    wrong = []
    for name, (path, tree) in modules().items():
        words = Counter(re.findall(r"\w+", path.read_text(encoding="utf-8")))
        for node in tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            own = [target.id for target in targets if isinstance(target, ast.Name)]
            own += [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
            wrong += [f"{name}.{each}" for each in own if each[0] == "_" and each[:2] != "__" and words[each] == 1]
    assert not wrong


def test_files_and_functions_are_short() -> None:
    wrong = []
    for name, (path, tree) in modules().items():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST_FILE:
            wrong.append(f"{name}: {lines} lines, at most {LONGEST_FILE}")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    wrong.append(f"{name}.{node.name}: {length} lines, at most {LONGEST_FUNCTION}")
    assert not wrong


def test_no_keyword_below_the_rim_swallows_options() -> None:
    # Below api/, `**kwargs` would be the place where a misspelt option disappears. `**changes` is the one exception:
    # the fields of a frozen value, which dataclasses.replace checks. In chat/sandbox.py Jinja passes on a template's
    # keywords.
    wrong = []
    for name, (_, tree) in modules().items():
        if any(
            within(name, rim) for rim in ("causerie.api", "causerie.cli", "causerie.server", "causerie.chat.sandbox")
        ):
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.args.kwarg is None:
                continue
            if node.args.kwarg.arg != "changes":
                wrong.append(f"{name}.{node.name} takes **{node.args.kwarg.arg}")
    assert not wrong


def torch_free() -> list[str]:
    return [name for name in modules() if not any(within(name, corner) for corner in TORCH_CORNERS)]


def test_all_but_the_corner_is_importable_where_torch_is_not() -> None:
    program = "\n".join(
        [
            "import sys",
            "sys.modules['torch'] = None  # importing torch raises",
            "import importlib",
            *[f"importlib.import_module({name!r})" for name in torch_free() if name != "causerie.__main__"],
            "assert sys.modules['torch'] is None",
        ]
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("rim", ["causerie", "causerie.cli.main", "causerie.cli.verbs.chat"])
def test_the_rim_imports_nothing_heavy(rim: str) -> None:
    if rim not in modules():
        pytest.skip(f"{rim} is not written yet")
    heavy = ["numpy", "torch", "tokenizers", "jinja2", "rich", "prompt_toolkit", "huggingface_hub", "asyncio"]
    program = f"import sys, {rim}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
