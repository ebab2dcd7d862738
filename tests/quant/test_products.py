"""While matrices are turned in several threads, each product of numpy's is made by the thread that asks for it."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_info

from causerie.loading.products import one_thread_each
from causerie.loading.quantize import MeasuredInputs
from causerie.quant.transform import evening


def threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_blas_has_one_thread_for_as_long_as_the_block() -> None:
    turn = evening(np.ones(64, np.float32))
    assert turn is not None
    before = threads()
    with one_thread_each(MeasuredInputs(transforms={"matrix": turn})):
        assert threads() and set(threads()) == {1}
    assert threads() == before
    for inputs in (None, MeasuredInputs()):
        with one_thread_each(inputs):
            assert threads() == before
