"""The native backend multiplies by the values of GGUF's records, and looks rows up in them to the last bit, on every
instruction set."""

from __future__ import annotations

import numpy as np
import pytest

from causerie.quant.gguf_records import RECORDS
from tests.kernels.decoders import RUNNABLE, build, logits_only, prompt_logits
from tests.kernels.test_made_up import built, embedded, in_8_bits, input_group, one_matrix
from tests.quant.records import BLOCKS, oracle, weight_rows

KINDS = [(name, width) for name in RECORDS for width in (96, 768, 2304) if width % BLOCKS[name].elements == 0]


@pytest.mark.parametrize(("name", "width"), KINDS)
def test_a_matrix_is_the_product_of_its_values(name: str, width: int) -> None:
    spec, stored = one_matrix(width, 67)
    rows, kind = weight_rows(name, 67, width), RECORDS[name]
    (logits,) = prompt_logits(built(kind.format, kind.arrays(rows, width), spec, stored), [range(37)])
    x = stored["embed"][:37].astype(np.float64)
    if kind.format.arithmetic == "int8":
        x = in_8_bits(x, input_group(kind.format, width))
    weights = oracle(name, rows).astype(np.float64)
    whole = np.abs(weights)
    if kind.format.low is not None:  # codes and lowest values are summed apart
        low = kind.format.shared(kind.format.low, kind.arrays(rows, width), (67, width))
        whole = whole + 2 * np.abs(low).repeat(kind.format.line(width), 1)
    assert (np.abs(logits - x @ weights.T) <= 2e-6 * (np.abs(x) @ whole.T)).all()


@pytest.mark.parametrize("instruction_set", RUNNABLE)
@pytest.mark.parametrize("name", RECORDS)
def test_rows_of_a_table_are_its_values(name: str, instruction_set: str) -> None:
    spec, stored = one_matrix(768, 768)
    rows, kind = weight_rows(name, 768, 768), RECORDS[name]
    packed = {"embed": (kind.format.name, kind.arrays(rows, 768))}
    model = build(
        spec,
        stored | {"head": stored["embed"]},
        packed=packed,
        forward=logits_only(embedded),
        instruction_set=instruction_set,
    )
    (values,) = prompt_logits(model, [range(0, 768, 5)])
    np.testing.assert_array_equal(values, oracle(name, rows)[::5])


@pytest.mark.parametrize("name", RECORDS)
def test_the_same_on_every_instruction_set_in_any_number(name: str) -> None:
    spec, stored = one_matrix(768, 131)
    rows, kind = weight_rows(name, 131, 768), RECORDS[name]
    arrays = kind.arrays(rows, 768)
    model = built(kind.format, arrays, spec, stored)
    alone = np.concatenate([prompt_logits(model, [[token]])[0] for token in range(40)])
    for instruction_set in RUNNABLE:
        model = built(kind.format, arrays, spec, stored, threads=2, instruction_set=instruction_set)
        for count in (1, 2, 3, 5, 40):
            (logits,) = prompt_logits(model, [range(count)])
            np.testing.assert_array_equal(logits, alone[:count])
