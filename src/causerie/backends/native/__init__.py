"""The operations as a traced program for our own CPU kernels.

`trace.py` records the decoder's operations once, `program.py` is the form in which C++ reads them, `executable.py` runs
a step with one call, `backend.py` holds the weights. Nothing is imported here: `causerie.backends.native.backend` is.
"""
