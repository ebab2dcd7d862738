"""What recurrences compute, in float64 numpy and position by position, from the formulas."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from causerie.spec.causal_conv import CausalConv
from causerie.spec.mamba import Mamba
from causerie.spec.mamba2 import Mamba2
from tests.kernels.decoders import Array


def recurrent(mixer: object, w: Mapping[str, Array], x: Array) -> Array:
    """What a mixer makes of rows."""
    if isinstance(mixer, Mamba2):
        return _mamba2(mixer, w, x)
    assert isinstance(mixer, Mamba)
    return _mamba(mixer, w, x)


def _linear(w: Mapping[str, Array], name: str, x: Array) -> Array:
    return np.asarray(x @ w[f"mixer.{name}"].T + w.get(f"mixer.{name}_bias", 0.0))


def _silu(x: Array) -> Array:
    return x / (1 + np.exp(-x))


def _conv(conv: CausalConv, w: Mapping[str, Array], x: Array) -> Array:
    if conv.scales:
        x = x * np.concatenate([np.full(count, scale) for count, scale in conv.scales])
    reach = np.concatenate([np.zeros((conv.past, conv.channels)), x])
    taps = w["mixer.conv"].reshape(conv.taps, conv.channels)
    return _silu(sum(reach[k : k + len(x)] * taps[k] for k in range(conv.taps)) + w.get("mixer.conv_bias", 0.0))


def _mamba2(mixer: Mamba2, w: Mapping[str, Array], x: Array) -> Array:
    gate = _linear(w, "gate", x) * mixer.scales.gate
    steps = np.logaddexp(0, _linear(w, "step", x) * mixer.scales.step + w["mixer.step_shift"])
    steps = steps.clip(mixer.least_step, mixer.most_step)
    inputs = _conv(mixer.conv, w, _linear(w, "in", x))
    values, b, c = np.split(inputs, [mixer.inner, mixer.inner + mixer.shared], -1)
    values = values.reshape(len(x), mixer.heads, mixer.head_dim)
    per_group = mixer.heads // mixer.groups
    b, c = (np.repeat(each.reshape(len(x), mixer.groups, -1), per_group, axis=1) for each in (b, c))
    state = np.zeros((mixer.heads, mixer.head_dim, mixer.state))
    y = np.empty_like(values)
    for i, step in enumerate(steps):
        state = state * np.exp(-step * np.exp(w["mixer.shrinking"]))[:, None, None]
        state = state + np.einsum("h,hp,hn->hpn", step, values[i], b[i])
        y[i] = np.einsum("hpn,hn->hp", state, c[i]) + w["mixer.skip"][:, None] * values[i]
    y = y.reshape(len(x), -1)
    if not mixer.gate_last:
        y = y * _silu(gate)
    if mixer.norm is not None:
        groups = y.reshape(len(x), mixer.groups, -1)
        groups = groups / np.sqrt((groups**2).mean(-1, keepdims=True) + mixer.norm.eps)
        y = groups.reshape(y.shape) * w["mixer.norm"]
    return _linear(w, "out", y * _silu(gate) if mixer.gate_last else y)


def _mamba(mixer: Mamba, w: Mapping[str, Array], x: Array) -> Array:
    inputs = _conv(mixer.conv, w, _linear(w, "in", x))
    steps = np.logaddexp(0, _linear(w, "step", _linear(w, "rank", inputs)))
    b, c = np.split(_linear(w, "both", inputs), 2, -1)
    rates = -np.exp(w["mixer.shrinking"].reshape(mixer.state, mixer.inner).T)
    state, y = np.zeros((mixer.inner, mixer.state)), np.empty_like(inputs)
    for i, step in enumerate(steps):
        state = state * np.exp(step[:, None] * rates) + (step * inputs[i])[:, None] * b[i]
        y[i] = state @ c[i] + w["mixer.skip"] * inputs[i]
    return _linear(w, "out", y * _silu(_linear(w, "gate", x)))
