"""Where in a prompt messages end, as far as it matters to what convolutions and recurrences remember: chats go on
there, are edited and branch there. Pure arithmetic over token ids."""

from __future__ import annotations

from collections.abc import Collection, Sequence

_APART = 64  # tokens at least between two ends, but before the last: of very short messages not all count


def message_ends(prompt: Sequence[int], eos: Collection[int], block_size: int) -> tuple[int, ...]:
    """How many tokens lie before each end, ascending. What ends an answer ends a message; the last one counts however
    near the one before it is. Where none is within a block of the prompt's end, as in texts that are no chats, the last
    whole block before the prompt's last token counts too."""
    ends = [at for at, token in enumerate(prompt, 1) if token in eos]
    far: list[int] = []
    for end in ends:
        if not far or end - far[-1] >= _APART or end == ends[-1]:
            far.append(end)
    last = far[-1] if far else 0
    whole = (len(prompt) - 1) // block_size * block_size
    if len(prompt) - last > block_size and whole > last:
        far.append(whole)
    return tuple(far)
