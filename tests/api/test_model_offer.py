"""What is offered is told with the speed to expect of it, by a record of a machine that is made up for it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from causerie import builtin_model_path
from causerie.api.fit.fitting import form_of
from causerie.api.fit.precisions import precisions
from causerie.api.fit.surveyed_checkpoint import surveyed
from causerie.api.library.local_models import library
from causerie.api.library.offer import offers
from causerie.api.machine.measurements import computer_of_record, kept_record
from causerie.api.options.load_options import LoadOptions
from causerie.plan.forecast import Forecast
from causerie.settings import Settings

MEMORY = 1 << 40

pytestmark = pytest.mark.usefixtures("no_smollm2")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two models, of which one is the built-in one and one is broken."""
    made = tmp_path / "models"
    for name in ("copy", "half"):
        shutil.copytree(builtin_model_path(), made / name)
    (made / "half" / "model.safetensors").unlink()
    return made


def test_the_speed_is_the_forecast_s_of_the_precision_that_fits(
    folder: Path, measured: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = [model for model in library(folder) if model.place != "cache"]
    copy, builtin = offers(models, MEMORY, measured)
    assert (copy.model.name, builtin.model.name) == (str(folder / "copy"), "builtin")
    record = kept_record(measured)
    assert record is not None
    computer = computer_of_record(record)
    weights = surveyed("builtin", LoadOptions()).weights
    expected = Forecast(weights.spec, form_of(weights, weights.plain, computer), computer)
    assert copy.fit == "stored" and copy.speed == builtin.speed == expected.decode_speed(0)
    monkeypatch.setattr("causerie.api.library.offer.fits", lambda model, memory: "int4")
    inexact = offers(models, MEMORY, measured)[0]
    ways = dict(precisions(weights))
    expected = Forecast(weights.spec, form_of(ways["int4"], "int4", computer), computer)
    assert inexact.fit == "int4" and inexact.speed == expected.decode_speed(0) != copy.speed


def test_where_nothing_is_known_no_speed_is_told(folder: Path, measured: Settings, tmp_path: Path) -> None:
    unmeasured = Settings(cache_folder=str(tmp_path / "none"))
    models = [model for model in library(folder) if model.place != "cache"]
    assert [offer.speed for offer in offers(models, MEMORY, unmeasured)] == [None, None]
    (copy,) = [model for model in models if model.name.endswith("copy")]
    gone = replace(copy, folder=folder / "gone")
    assert offers([gone], MEMORY, measured)[0].speed is None
