"""Which tests judge the mutants of a file: those of its package's folders that import it, then all of these folders.

Knows folders and imports, and runs nothing.
"""

from __future__ import annotations

import ast
from pathlib import Path

# Without those that take long and judge other packages: files as they are loaded, embeddings, devices.
PARITY = tuple(
    f"tests/parity/test_{name}.py"
    for name in ("config", "rope", "rope_keys", "features", "footprint", "windows", "context", "nested", "experts",
                 "adding", "parity", "unread_keys")
)  # fmt: skip

# What the native backend's Python writes for the kernels: programs, memory, panels, and that a library is refused.
PROGRAMS = tuple(
    f"tests/kernels/test_{name}.py"
    for name in ("step_check", "exits", "backend", "description", "lossless", "made_up", "experts", "transforms",
                 "short_conv", "delta", "streams")
)  # fmt: skip
# With what the kernels compute; what fails soonest comes first.
KERNELS = (
    *PROGRAMS,
    *(f"tests/kernels/test_{name}.py" for name in ("accuracy", "exactness", "quantized", "attention")),
)

# What a decoder says of itself: the models' tests that neither read a config's keys nor all families.
DECODERS = tuple(
    f"tests/parity/test_{name}.py"
    for name in ("config", "layer_norm_configs", "footprint", "steps", "windows", "nested", "short_conv", "experts",
                 "any_shape", "features")
)  # fmt: skip

# The longest beginning of a path under src/causerie decides. Files that are not named here are not changed.
FOLDERS: dict[str, tuple[str, ...]] = {
    "backends/step.py": (
        "tests/engine/test_batch.py",
        "tests/parity/test_steps.py",
        "tests/kernels/test_step_check.py",
    ),
    "backends/native": (
        *PROGRAMS,
        "tests/quant/test_loading.py",
        "tests/quant/test_prepared.py",
        "tests/parity/test_steps.py",
        "tests/parity/test_load.py",
        "tests/plan/test_measure.py",
        "tests/plan/test_breakdown.py",
        "tests/engine/test_windows.py",
        "tests/engine/test_exact_native.py",
    ),
    "backends/torch": (
        "tests/quant",
        "tests/parity/test_devices.py",
        "tests/parity/test_steps.py",
        "tests/parity/test_load.py",
        "tests/parity/test_short_conv.py",
        "tests/parity/test_experts.py",
        "tests/parity/test_any_shape.py",
        "tests/parity/test_features.py",
        "tests/engine/test_windows.py",
        "tests/api/test_cache_dtype.py",
        "tests/kernels/test_backend.py",
    ),
    "cache": ("tests/engine",),
    "chat": ("tests/chat",),
    "checkpoint": ("tests/checkpoint",),
    "decoding": ("tests/engine",),
    "engine": ("tests/engine",),
    "loading": (
        "tests/quant",
        "tests/parity/test_load.py",
        "tests/parity/test_adding.py",
        "tests/parity/test_nested.py",
        "tests/parity/test_features.py",
        "tests/parity/test_experts.py",
    ),
    "models": PARITY,
    "plan": (
        "tests/plan",
        "tests/parity/test_footprint.py",
        "tests/parity/test_short_conv.py",
        "tests/parity/test_experts.py",
        "tests/api/test_cache_dtype.py",
    ),
    "quant": ("tests/quant", "tests/plan/test_speed.py"),
    "server/http/gate.py": (
        "tests/server/test_gate.py",
        "tests/server/test_routes.py",
        "tests/server/test_wrong_requests.py",
    ),
    "server/http/request_body.py": ("tests/server/test_request_body.py", "tests/server/test_wrong_requests.py"),
    "server/http/admission.py": ("tests/server/test_admission.py",),
    "server/http/json_bounds.py": ("tests/server/test_json_bounds.py",),
    "server/processes/backlog.py": ("tests/server/test_admission.py", "tests/server/test_slow_readers.py"),
    "server/processes/engine/mailbox.py": ("tests/server/test_mailbox.py",),
    "server/processes/frames.py": ("tests/server/test_frames.py", "tests/server/test_loading.py"),
    "server/processes/jobs.py": ("tests/server/test_connection.py", "tests/server/test_chat_completions.py"),
    "server/processes/markdown": ("tests/server/test_maths.py", "tests/server/test_renderer.py"),
    "server/processes/pulse.py": ("tests/server/test_pulse.py",),
    "server/processes/text/text_work.py": ("tests/server/test_text_work.py",),
    "server/processes/text/text_lane.py": ("tests/server/test_text_work.py",),
    "spec": (*DECODERS, "tests/plan/test_speed.py", "tests/kernels/test_backend.py"),
    "text": ("tests/chat",),
    "text/response_format.py": ("tests/chat", "tests/server/test_wrong_requests.py"),
}
SOURCE = "src/causerie/"
# Tables of names that are facts about others: a test of each could only say it again. Their strings are not changed.
FACTS = ("checkpoint/ollama_names.py", "models/inert.py")


def files(root: Path) -> list[str]:
    """Every file that mutants are made of, from the root of the project."""
    paths = (path.relative_to(root).as_posix() for path in sorted((root / SOURCE).rglob("*.py")))
    return [path for path in paths if folders(path)]


def folders(file: str) -> tuple[str, ...]:
    """The tests that answer for a file; none where it is not changed."""
    path = file.removeprefix(SOURCE)
    beginnings = [name for name in FOLDERS if path == name or path.startswith(name + "/")]
    return FOLDERS[max(beginnings, key=len)] if beginnings else ()


def judges(root: Path, file: str) -> list[str]:
    """The files of tests that answer for a file."""
    return [path.relative_to(root).as_posix() for folder in folders(file) for path in _test_files(root / folder)]


def facts(file: str) -> bool:
    """Whether the strings of a file are facts."""
    return file.removeprefix(SOURCE) in FACTS


def package(file: str) -> str:
    """The name under which a file is counted: "text", "server"."""
    return file.removeprefix(SOURCE).partition("/")[0]


def importers(root: Path, file: str) -> list[str]:
    """Those of a file's tests that import it by name."""
    module = file.removeprefix("src/").removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    return [path for path in judges(root, file) if module in _imported(root / path)]


def _test_files(place: Path) -> list[Path]:
    return [place] if place.suffix == ".py" else sorted(place.glob("test_*.py"))


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names
