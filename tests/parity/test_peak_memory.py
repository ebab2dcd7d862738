"""Loading takes at most 1.05 times the memory of the weights as they are held, measured on a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from causerie.checkpoint.writer import write_safetensors
from causerie.models.registry import family, spec_from_config
from tests.parity.harness import BACKENDS, backend_or_none

CONFIG = {
    "model_type": "llama",
    "vocab_size": 8000,
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 6,
    "num_attention_heads": 16,
    "max_position_embeddings": 64,
    "dtype": "float32",
}
LOAD = """
import json, sys
from pathlib import Path
from causerie.backends.ops import BlockCount, CacheShape
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.models.config import read_config
from causerie.loading.load import load_model
from tests.parity.harness import backend_or_none, some_tokens, prompt_logits

folder, name, dtype = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

def status(key):
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key + ":"))
    return int(line.split()[1]) * 1024

backend = backend_or_none(name)
before = status("VmRSS")
with SafetensorsIndex.open(folder) as index:
    model = load_model(index, read_config(folder), backend=backend, dtype=dtype,
                       size_cache=lambda *_: CacheShape((BlockCount(1),), backend.block_size, "float32"))
print(json.dumps([model.weight_bytes, status("VmHWM") - before]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", sorted(BACKENDS))
def test_peak_memory(name: str, dtype: str, project: Path, tmp_path: Path) -> None:
    if backend_or_none(name) is None:
        pytest.skip(f"no {name} backend in this tree")
    spec = spec_from_config(CONFIG)
    names = family(CONFIG).names(spec)
    tensors = {names.expression(weight.name).key: np.full(weight.shape, 0.01, np.float32) for weight in spec.weights()}
    write_safetensors(tmp_path / "model.safetensors", tensors)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path), name, dtype],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    weights, grown = json.loads(done.stdout)
    # A fixed 8 MB is for what grows once in a process, such as a library's own tables.
    assert grown <= 1.05 * weights + 8e6
