"""What the inputs of a saved matrix go through first, as files hold it: beside the arrays of a matrix that was made for
inputs that are evened (quant/transform.py) the tensor `<tensor>.factors`, a number for each input.

Knows no format and no backend.
"""

from __future__ import annotations

import numpy as np

from causerie.checkpoint.index import TensorIndex
from causerie.errors import WeightFileError
from causerie.quant.transform import TURNED, Transform

FACTORS = "factors"
DTYPE = "F32"


def factors_tensor(index: TensorIndex, tensor: str) -> str | None:
    """The name of the factors of the matrix called `tensor`; None where it reads its inputs as they are."""
    name = f"{tensor}.{FACTORS}"
    return name if name in index else None


def read_factors(index: TensorIndex, name: str, width: int) -> Transform:
    """What they say. Raises WeightFileError for what are no factors of so many inputs."""
    info = index.info(name)
    if info.dtype != DTYPE or tuple(info.shape) != (width,) or width % TURNED:
        raise WeightFileError(
            f"Tensor {name!r} is {info.dtype} {info.shape}; {DTYPE} [{width}], a multiple of {TURNED}, is expected. "
            "Save the original model again."
        )
    factors = np.ascontiguousarray(index.read(name), np.float32)
    if not np.isfinite(factors).all() or not factors.all():
        raise WeightFileError(f"Tensor {name!r} has factors that are 0 or no numbers. Save the original model again.")
    return Transform(scaling=np.abs(factors), signs=np.sign(factors))
