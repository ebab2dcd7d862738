"""What a decoder computes, in float64 numpy and written from the formulas: the oracle of the kernels' tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import erf

import numpy as np

from causerie.models.rope import RopeTable
from causerie.spec.attention import Attention
from causerie.spec.beside import BesideExperts
from causerie.spec.decoder import Decoder
from causerie.spec.delta import DeltaRule
from causerie.spec.experts import Experts
from causerie.spec.latent import LatentAttention
from causerie.spec.mlp import MLP, Activation, ClampedSwish, LimitedSwish
from causerie.spec.norm import Norm
from causerie.spec.rope import Rope
from causerie.spec.router import Router
from causerie.spec.short_conv import ShortConv
from tests.kernels.decoders import Array, from_bf16, to_bf16, widened
from tests.kernels.latent_reference import latent_attention
from tests.kernels.reference_recurrence import recurrent
from tests.kernels.reference_streams import beside, corrected, entered, left, predicted


def as_int8(x: Array, group: int) -> Array:
    """x [..., elements] as an int8 cache gives it back, with a bfloat16 scale for each `group` of elements."""
    parts = np.split(x.astype(np.float32), range(group, x.shape[-1], group), axis=-1)
    scales = [from_bf16(to_bf16(np.abs(part).max(-1, keepdims=True) / np.float32(127))) for part in parts]
    return np.concatenate(
        [np.round(part / scale).clip(-127, 127) * scale for part, scale in zip(parts, scales, strict=True)], -1
    ).astype(np.float64)


def turned_keys(x: Array) -> Array:
    """x [..., elements] as an int8 cache turns keys, or turns them back: Sylvester's matrices, each of two of half the
    size, side by side along a head."""
    first, size = 0, 64
    parts = []
    while first < x.shape[-1]:
        if x.shape[-1] - first < size:
            size //= 2
            continue
        matrix = np.ones((1, 1))
        while len(matrix) < size:
            matrix = np.block([[matrix, matrix], [matrix, -matrix]])
        parts.append(x[..., first : first + size] @ matrix / size**0.5)
        first += size
    return np.concatenate(parts, -1)


def reference_logits(
    spec: Decoder, stored: Mapping[str, Array], tokens: Sequence[int], int8_cache: bool = False
) -> Array:
    """The same decoder in float64, written from the formulas: logits [tokens, vocab]."""
    w = {name: widened(array) for name, array in stored.items()}
    x = _norm(w["embed"][list(tokens)], w, "embed_norm", spec.embedding_norm)
    given = _layer_inputs(spec, w, tokens, x)
    streams = x[:, None] if spec.streams is None else entered(spec.streams, w, x)
    kept: dict[int, tuple[Array, Array]] = {}  # keys and values of each layer
    for i, layer in enumerate(spec.layers):
        part = {
            name.removeprefix(f"layers.{i}."): array for name, array in w.items() if name.startswith(f"layers.{i}.")
        }
        streams = streams if layer.streams is None else predicted(layer.streams, part, streams)
        x = streams[:, 0]
        h, mixer, scale = _norm(x, part, "mixer_norm", layer.norm), layer.mixer, layer.residual_scale
        if isinstance(mixer, Attention):
            source = i if mixer.shares is None else mixer.shares
            if source == i:
                kept[i] = _keys_and_values(spec, mixer, part, h, int8_cache)
            mixed = _attention(spec, mixer, part, h, *kept[source])
        elif isinstance(mixer, LatentAttention):
            mixed = latent_attention(mixer, part, h)
        elif isinstance(mixer, ShortConv):
            mixed = _short_conv(mixer, part, h)
        elif isinstance(mixer, DeltaRule):
            mixed = _delta_rule(mixer, part, h)
        else:
            mixed = recurrent(mixer, part, h)
        mixed = x + scale * _norm(mixed, part, "mixer_norm_after", layer.norm_after)
        mixed = mixed if layer.low_rank is None else beside(layer.low_rank.norm, part, mixed, h)
        ffn = layer.ffn
        if isinstance(ffn, BesideExperts):
            h = mixed
        elif layer.parallel != "one norm":
            h = _norm(x if layer.parallel else mixed, part, "ffn_norm", layer.norm)
        x = mixed + scale * _norm(_ffn(ffn, part, h), part, "ffn_norm_after", layer.norm_after)
        streams = x[:, None] if layer.streams is None else corrected(layer.streams, part, streams, x)
        if layer.input is not None:
            own = given[:, i * layer.input.width :][:, : layer.input.width]
            gating = x if layer.streams is None else streams[:, 0] * part["streams.scale"]
            made = (activate(gating @ part["input.gate"].T, layer.input.act) * own) @ part["input.projection"].T
            made = _norm(made, part, "input.norm", layer.input.norm)
            streams[:, 0 if layer.streams is None else 1 :] += made[:, None]
        streams = streams * part["scale"] if layer.scaled else streams
    x = streams[:, 0] if spec.streams is None else left(spec.streams, w, streams)
    logits = _norm(x, w, "norm", spec.norm) @ w["embed" if spec.tied else "head"].T
    return _capped(logits * spec.logits_scale, spec.logits_softcap)


def _capped(x: Array, cap: float | None) -> Array:
    return x if cap is None else np.asarray(cap * np.tanh(x / cap))


def _layer_inputs(spec: Decoder, w: Mapping[str, Array], tokens: Sequence[int], x: Array) -> Array:
    """[tokens, layers · width], of embeddings x."""
    own = spec.layer_input
    if own is None:
        return np.zeros((len(x), 0))
    projected = (x @ w["layer_inputs.projection"].T * spec.width**-0.5).reshape(len(x), -1, own.width)
    table = w["layer_inputs.table"]
    rows = table[[token if token < len(table) else 0 for token in tokens]] * own.width**0.5
    return (_norm(projected, w, "layer_inputs.norm", own.norm).reshape(len(x), -1) + rows) * 0.5**0.5


def _ffn(ffn: MLP | Experts | BesideExperts, w: Mapping[str, Array], x: Array) -> Array:
    if isinstance(ffn, BesideExperts):
        every = _mlp(ffn.mlp, w, "ffn.mlp.", _norm(x, w, "ffn.norm", ffn.norm))
        some = _experts(ffn.experts, w, _norm(x, w, "ffn.experts_norm", ffn.norm), x)
        every, some = (
            _norm(each, w, f"ffn.{name}_norm_after", ffn.norm) for name, each in (("mlp", every), ("experts", some))
        )
        return every + some
    return _experts(ffn, w, x, x) if isinstance(ffn, Experts) else _mlp(ffn, w, "ffn.", x)


def _mlp(mlp: MLP, w: Mapping[str, Array], prefix: str, x: Array) -> Array:
    names = ("gate", "up") if mlp.gated else ("up",)
    first, *up = (x @ w[prefix + name].T + w.get(f"{prefix}{name}_bias", 0.0) for name in names)
    if isinstance(mlp.act, ClampedSwish):
        gate, other = np.minimum(first, mlp.act.limit), np.clip(up[0], -mlp.act.limit, mlp.act.limit)
        inner = gate / (1 + np.exp(-mlp.act.slope * gate)) * (other + 1)
    elif isinstance(mlp.act, LimitedSwish):
        inner = np.minimum(activate(first, "silu"), mlp.act.limit) * np.clip(up[0], -mlp.act.limit, mlp.act.limit)
    elif mlp.xielu:
        above, below = (np.logaddexp(w[prefix + name], 0) for name in ("above", "below"))
        inner = (
            np.where(first > 0, above * first**2, (0.5 + below) * (np.expm1(np.minimum(first, 0)) - first)) + first / 2
        )
    else:
        gate = first if mlp.deviations is None else _above(first, mlp.deviations)
        inner = activate(gate, mlp.act) * (up[0] if up else 1.0)
    return np.asarray(inner @ w[prefix + "down"].T + w.get(prefix + "down_bias", 0.0))


def _above(x: Array, deviations: float) -> Array:
    return np.maximum(0, x - x.mean(-1, keepdims=True) - deviations * x.std(-1, keepdims=True))


def _experts(experts: Experts, w: Mapping[str, Array], x: Array, judged: Array) -> Array:
    router = experts.router
    judged = _norm(judged, w, "ffn.router_norm", router.norm)
    scores = (judged @ w["ffn.router"].T + w.get("ffn.router_bias", 0.0)) * router.score_scale
    shares = _shares(router, _capped(scores, router.score_cap), w.get("ffn.choice_bias")) * w.get(
        "ffn.share_scales", 1.0
    )
    read, weighed = (shares, shares > 0) if router.on_input else (np.ones_like(shares), shares)
    inner = x if experts.latent is None else x @ w["ffn.narrow"].T
    each = [_mlp(experts.expert, w, f"ffn.experts.{e}.", inner * read[:, e, None]) for e in range(experts.count)]
    out = np.asarray(np.einsum("ne,end->nd", weighed, np.stack(each)))
    out = out if experts.latent is None else out @ w["ffn.widen"].T
    if experts.shared is None:
        return out
    beside = _mlp(experts.shared.mlp, w, "ffn.shared.", x)
    return out + (beside / (1 + np.exp(-x @ w["ffn.shared_router"].T)) if experts.shared.weighed else beside)


def _shares(router: Router, scores: Array, choice_bias: Array | None) -> Array:
    """What spec/router.py says, for every expert: 0 where it is not chosen."""
    if router.scoring == "sparsemixer":
        return _mixed(router, scores)
    worth = np.exp(scores - scores.max(-1, keepdims=True))
    worth = worth / worth.sum(-1, keepdims=True) if router.scoring == "softmax" else 1 / (1 + np.exp(-scores))
    rank = worth + (0.0 if choice_bias is None else choice_bias)
    if router.groups is not None:
        groups = rank.reshape(len(rank), router.groups.count, -1)
        best = np.argsort(-np.sort(groups, -1)[..., -router.groups.best :].sum(-1), axis=-1)[:, : router.groups.active]
        opened = np.any(best[:, :, None] == np.arange(router.groups.count), axis=1)
        rank = np.where(opened[..., None], groups, -np.inf).reshape(rank.shape)
    chosen = np.argsort(-rank, axis=-1, kind="stable")[:, : router.active]
    shares = worth * np.any(chosen[:, :, None] == np.arange(rank.shape[1]), axis=1)
    if router.divided:
        shares = shares / np.maximum(shares.sum(-1, keepdims=True) + router.sum_offset, router.least_sum)
    return np.asarray(shares * router.scale)


def _mixed(router: Router, scores: Array) -> Array:
    """What spec/router.py calls sparsemixer, row by row."""
    shares = np.zeros_like(scores)
    for row, own in zip(scores, shares, strict=True):
        left = list(range(len(row)))
        for _ in range(router.active):
            best = max(left, key=lambda e: row[e])
            near = [e for e in left if (row[best] - row[e]) / max(abs(row[e]), row[best]) <= router.nearness]
            own[best] = 1 / sum(np.exp(row[e] - row[best]) for e in near)
            left.remove(best)
    return shares


def _norm(x: Array, w: Mapping[str, Array], name: str, norm: Norm | None) -> Array:
    """Of rows, or of heads [n, heads, elements], which may have weights of their own."""

    def own(which: str, absent: float) -> Array:
        return w[which].reshape(-1, x.shape[-1]) if which in w else np.array(absent)

    if norm is None:
        return x
    if norm.centered:
        x = x - x.mean(-1, keepdims=True)
    scaled = x / np.sqrt((x**2).mean(-1, keepdims=True) + norm.eps)
    return np.asarray(scaled * own(name, 1.0) + own(f"{name}_bias", 0.0))


def activate(x: Array, act: Activation) -> Array:
    """Each of the activations, in float64."""
    if act.startswith("relu"):
        return np.maximum(x, 0) ** (2 if act == "relu2" else 1)
    if act == "sigmoid":
        return 1 / (1 + np.exp(-x))
    if act == "softplus":
        return np.logaddexp(x, 0)
    if act == "silu":
        return x / (1 + np.exp(-x))
    if act == "gelu":
        return x / 2 * (1 + np.vectorize(erf)(x / np.sqrt(2)))
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def _short_conv(mixer: ShortConv, w: Mapping[str, Array], x: Array) -> Array:
    b, c, entering = np.split(x @ w["mixer.in"].T + w.get("mixer.in_bias", 0.0), 3, axis=-1)
    reach = np.concatenate([np.zeros((mixer.past, mixer.channels)), b * entering])
    taps = w["mixer.conv"].reshape(mixer.taps, mixer.channels)
    sums = sum(reach[k : k + len(x)] * taps[k] for k in range(mixer.taps)) + w.get("mixer.conv_bias", 0.0)
    return np.asarray((c * sums) @ w["mixer.out"].T + w.get("mixer.out_bias", 0.0))


def _delta_rule(rule: DeltaRule, w: Mapping[str, Array], x: Array) -> Array:
    entered = np.concatenate([x @ w[f"mixer.{name}"].T for name in ("query", "key", "value")], axis=-1)
    entered = np.concatenate([np.zeros((rule.past, rule.channels)), entered])
    taps = w["mixer.conv"].reshape(rule.taps, rule.channels)
    mixed = activate(np.asarray(sum(entered[k : k + len(x)] * taps[k] for k in range(rule.taps))), "silu")
    q, k, v = np.split(mixed, [rule.key_width, 2 * rule.key_width], axis=-1)
    step = np.logaddexp(0, x @ w["mixer.step"].T + w["mixer.step_offset"])
    decay = np.exp(-np.exp(w["mixer.log_rate"]) * step)
    beta = activate(x @ w["mixer.beta"].T, "sigmoid")
    given = delta_rule(*(_cut(part, rule.key_dim) for part in (q, k)), _cut(v, rule.value_dim), decay, beta)
    gated = _norm(given, w, "mixer.norm", rule.norm).reshape(len(x), -1)
    return np.asarray((gated * activate(x @ w["mixer.out_gate"].T, "silu")) @ w["mixer.out"].T)


def _cut(x: Array, size: int) -> Array:
    return x.reshape(len(x), -1, size)


def delta_rule(q: Array, k: Array, v: Array, decay: Array, beta: Array) -> Array:
    """Position by position: q and k [n, key heads, key_dim], v [n, value heads, value_dim], decay and beta [n, value
    heads] give [n, value heads, value_dim]."""
    q, k = (each / np.sqrt((each**2).sum(-1, keepdims=True) + 1e-6) for each in (q, k))
    q, k = (np.repeat(each, v.shape[1] // each.shape[1], axis=1) for each in (q, k))
    state = np.zeros((v.shape[1], k.shape[2], v.shape[2]))
    given = []
    for i in range(len(v)):
        state *= decay[i, :, None, None]
        wrong = beta[i, :, None] * (v[i] - np.einsum("hkv,hk->hv", state, k[i]))
        state += k[i, :, :, None] * wrong[:, None, :]
        given.append(np.einsum("hkv,hk->hv", state, q[i]) * q.shape[2] ** -0.5)
    return np.stack(given)


def _heads(spec: Decoder, mixer: Attention, w: Mapping[str, Array], x: Array, name: str) -> Array:
    """Queries or keys [n, heads, head_dim], normed and turned."""
    n, (count, rope) = len(x), (mixer.kv_heads, mixer.rope)
    if name == "q":
        count, rope = mixer.heads, mixer.query_rope or mixer.rope
    positions = np.arange(n, dtype=np.int32)
    turns = dict(zip(spec.ropes, RopeTable(spec.ropes).rows(positions, positions), strict=True))

    def turned(heads: Array, rope: Rope | None) -> Array:
        if rope is None:
            return heads
        a, b, rest = np.split(heads, [rope.dims // 2, rope.dims], axis=-1)
        cosine, sine = turns[rope].astype(np.float64).swapaxes(0, 1)[:, :, None]
        return np.concatenate([a * cosine - b * sine, b * cosine + a * sine, rest], axis=-1)

    projected = x @ w[f"mixer.{name}"].T + w.get(f"mixer.{name}_bias", 0.0)
    norm, own = mixer.qk_norm, f"mixer.{name}_norm"
    if mixer.qk_norm_whole:
        projected = _norm(projected, w, own, norm)
    projected = projected.reshape(n, count, mixer.head_dim)
    if mixer.qk_norm_whole:
        return turned(projected, rope)
    if mixer.qk_norm_last:
        return _norm(turned(projected, rope), w, own, norm)
    return turned(_norm(projected, w, own, norm), rope)


def _keys_and_values(
    spec: Decoder, mixer: Attention, w: Mapping[str, Array], x: Array, int8_cache: bool
) -> tuple[Array, Array]:
    """[n, kv_heads, head_dim] and [n, kv_heads, value_dim], as a cache keeps them."""
    k, name = _heads(spec, mixer, w, x, "k"), "k" if mixer.keys_as_values else "v"
    v = (x @ w[f"mixer.{name}"].T + w.get(f"mixer.{name}_bias", 0.0)).reshape(len(x), mixer.kv_heads, mixer.value_dim)
    v = _norm(v, w, "mixer.v_norm", mixer.value_norm)
    return (turned_keys(as_int8(turned_keys(k), 32)), as_int8(v, mixer.value_dim)) if int8_cache else (k, v)


def _attention(spec: Decoder, mixer: Attention, w: Mapping[str, Array], x: Array, k: Array, v: Array) -> Array:
    n = len(x)
    positions, q = np.arange(n), _heads(spec, mixer, w, x, "q")
    k, v = np.repeat(k, mixer.group, axis=1), np.repeat(v, mixer.group, axis=1)
    scores = _capped(np.einsum("ihd,jhd->hij", q, k) * mixer.scale, mixer.softcap)
    distance = positions[:, None] - positions[None, :]
    if mixer.slopes is not None:
        scores -= np.array(mixer.slopes)[:, None, None] * distance
    reach = mixer.window or n
    late = positions[None, :] < positions[:, None] // reach * reach if mixer.chunked else distance >= reach
    hidden = (distance < 0) | late
    scores[:, hidden] = -np.inf
    peak = scores.max(-1, keepdims=True)
    chances = np.exp(scores - peak)
    sunk = np.exp(w["mixer.sinks"][:, None, None] - peak) if mixer.sinks else 0.0
    chances /= chances.sum(-1, keepdims=True) + sunk
    mixed = np.einsum("hij,jhd->ihd", chances, v).reshape(n, -1) * mixer.value_scale
    if mixer.gated:
        gate = activate(x @ w["mixer.gate"].T, mixer.gate_act)
        mixed = mixed * np.repeat(gate, mixed.shape[-1] // gate.shape[-1], axis=-1)
    return mixed @ w["mixer.o"].T + w.get("mixer.o_bias", 0.0)
