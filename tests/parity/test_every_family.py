"""What holds for each family of the registry, on its tiny checkpoint: prompts together are as alone, in chunks as whole
and on one thread as on two, by `==` on the native backend; a padded batch is that of transformers; a beginning from the
cache changes nothing; fewer bits are near; in several files, saved and read again, or prepared and mapped, it is the
same model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie import AutoModelForCausalLM
from causerie.backends.native.backend import NativeBackend
from causerie.backends.ops import Backend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.models.config import read_config
from causerie.models.registry import families, spec_from_config
from tests.parity.cases import PROMPT
from tests.parity.checkpoints import Checkpoint, known_families, save_checkpoint
from tests.parity.harness import greedy, load, plain_tokens, prompt_logits, reference_padded, some_tokens

CheckpointOf = Callable[[str, bool], Checkpoint]
PROMPTS = [plain_tokens(length, length) for length in (PROMPT, 3, 17, 1)]
IDS = some_tokens(PROMPT, PROMPT)
SHARDS = 3
ROOM = 10**6  # bytes: for experts of every layer here, each of which takes some pages

pytestmark = pytest.mark.filterwarnings("ignore:.*(visual|vision).*left out:UserWarning")  # of the larger models


@pytest.fixture(scope="module")
def checkpoint_of(tmp_path_factory: pytest.TempPathFactory) -> CheckpointOf:
    """The checkpoint of a family, with whole groups or as it is; made when first asked for."""
    made: dict[tuple[str, bool], Checkpoint] = {}

    def checkpoint(family: str, whole_groups: bool) -> Checkpoint:
        key = (family, whole_groups)
        if key not in made:
            made[key] = save_checkpoint(family, tmp_path_factory.mktemp("family") / "model", whole_groups)
        return made[key]

    return checkpoint


@pytest.fixture(params=families())
def checkpoint(request: pytest.FixtureRequest, checkpoint_of: CheckpointOf) -> Checkpoint:
    """That of each family in turn."""
    return checkpoint_of(request.param, False)


def test_no_family_is_without_a_checkpoint() -> None:
    assert known_families() == families()


def test_rows_are_the_same_however_they_are_run(checkpoint: Checkpoint) -> None:
    for dtype in ("float32", "bfloat16"):
        alone = load(checkpoint.folder, NativeBackend(1), dtype=dtype)
        others = load(checkpoint.folder, NativeBackend(2), dtype=dtype)
        expected = [prompt_logits(alone, [prompt])[0] for prompt in PROMPTS]
        for chunk in (None, 5):
            for logits, whole in zip(prompt_logits(others, PROMPTS, chunk), expected, strict=True):
                np.testing.assert_array_equal(logits, whole)
        alone.close()
        others.close()


def test_a_padded_batch(checkpoint: Checkpoint, backend: Backend) -> None:
    padded = reference_padded(checkpoint.judged, tuple(map(tuple, PROMPTS)), 6)
    model = load(checkpoint.folder, backend)
    for logits, expected in zip(prompt_logits(model, PROMPTS), padded.logits, strict=True):
        np.testing.assert_allclose(logits, expected, atol=1e-4)
    assert greedy(model, PROMPTS, 6) == padded.greedy
    model.close()


def test_a_beginning_from_the_cache_changes_nothing(checkpoint: Checkpoint) -> None:
    """The second turn of a chat, which reads only what is new, beside a model that reads all of it."""
    with _opened(checkpoint.folder, "native") as model, _opened(checkpoint.folder, "native") as fresh:
        said = model.generate([PROMPTS[0]], max_new_tokens=4, do_sample=False)[0]
        before = model.engine_stats().cached_tokens
        ids = [[*said, *PROMPTS[1]]]
        second, whole = (_answer(each, ids) for each in (model, fresh))
        assert model.engine_stats().cached_tokens > before and fresh.engine_stats().cached_tokens == 0
    assert second[0] == whole[0]
    np.testing.assert_array_equal(second[1], whole[1])


def _answer(model: Any, ids: Sequence[Sequence[int]]) -> tuple[list[int], NDArray[Any]]:
    """A greedy answer, and the logits that it was taken from."""
    options = {"do_sample": False, "output_logits": True, "return_dict_in_generate": True}
    output = model.generate(ids, max_new_tokens=4, **options)
    return output.sequences[0], np.stack([np.asarray(row) for row in output.logits])


def _opened(folder: Path, backend: str, **options: Any) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, backend=backend, **options)


def _logits(folder: Path, backend: str, **options: Any) -> NDArray[Any]:
    with _opened(folder, backend, **options) as model:
        return np.asarray(model([IDS]).logits)


def _distance(some: NDArray[Any], others: NDArray[Any]) -> float:
    """Of rows the median: one whose scores are near a tie may go to another expert."""
    return float(np.median(np.sqrt(np.square(some - others).mean(-1))))


@pytest.mark.parametrize(("format", "most"), [("int8", 0.2), ("int4", 0.9)])
@pytest.mark.parametrize("family", families())
def test_fewer_bits_are_near_and_the_same_when_saved(
    family: str, format: str, most: float, checkpoint_of: CheckpointOf, tmp_path: Path
) -> None:
    folder = checkpoint_of(family, True).folder
    plain = _logits(folder, "native")
    with _opened(folder, "native", quantization=format) as model:
        few = np.asarray(model([IDS]).logits)
        model.save_pretrained(tmp_path / "saved")
        model.save_pretrained(tmp_path / "prepared", prepared=True)
    assert 1e-4 * plain.std() < _distance(few, plain) < most * plain.std()
    for name in ("saved", "prepared"):
        np.testing.assert_array_equal(_logits(tmp_path / name, "native"), few)
    if any(layer.experts is not None for layer in spec_from_config(read_config(folder)).layers):
        np.testing.assert_array_equal(_logits(tmp_path / "prepared", "native", expert_memory=ROOM), few)
    other = _logits(tmp_path / "saved", "torch")
    assert _distance(few, other) < 0.12 * plain.std()  # native rounds activations too


def test_in_several_files_saved_or_prepared_it_is_the_same(checkpoint: Checkpoint, tmp_path: Path) -> None:
    _shard(checkpoint.folder, tmp_path / "shards")
    with _opened(checkpoint.folder, "native") as model:
        expected = np.asarray(model([IDS]).logits)
        model.save_pretrained(tmp_path / "saved")
        model.save_pretrained(tmp_path / "prepared", prepared=True)
    for name in ("shards", "saved", "prepared"):
        np.testing.assert_array_equal(_logits(tmp_path / name, "native"), expected)


def _shard(folder: Path, other: Path) -> None:
    """A copy of `folder` whose tensors lie in turn in several files."""
    shutil.copytree(folder, other)
    (other / "model.safetensors").unlink()
    with SafetensorsIndex.open(folder) as index:
        tensors = {name: index.read(name) for name in index.names()}
    homes = {name: f"model-{at % SHARDS + 1:05}-of-{SHARDS:05}.safetensors" for at, name in enumerate(tensors)}
    for file in set(homes.values()):
        write_safetensors(other / file, {name: tensors[name] for name, home in homes.items() if home == file})
    (other / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": homes}))
