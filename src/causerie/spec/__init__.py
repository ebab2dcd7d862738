"""What a decoder is made of, as frozen values: the one description that construction, loading, cache layout and memory
planning share.

Nothing here computes, and nothing heavy is imported: a spec exists without weights, numpy or torch. It does not know
what a checkpoint calls its tensors (models/names.py) nor how an operation is done (backends/ops.py).

A field is here only if a family needs it, and only with a parity test that fails when the field is ignored.
"""
