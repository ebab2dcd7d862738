"""What is the same in two prompts, what was moved, and which change of the chat did it."""

from __future__ import annotations

import pytest

from causerie.chat.prompt_change import PromptChange, PromptText, prompt_change

SYSTEM = {"role": "system", "content": "Be kind."}
HELLO = {"role": "user", "content": "Hello"}
ANSWER = {"role": "assistant", "content": "Good day."}
MORE = {"role": "user", "content": "More"}
CHAT = [SYSTEM, HELLO, ANSWER]
TOKENS = [*range(100), 1000]  # larger than a byte


@pytest.mark.parametrize(
    ("tokens", "messages", "variables", "change"),
    [
        ([*TOKENS, 7, 8], [*CHAT, MORE], {}, PromptChange(101, 0, None)),
        (TOKENS[:40], CHAT[:2], {}, PromptChange(40, 0, None)),  # the same again
        ([0, 1, 500, *TOKENS[3:], 7], [{**SYSTEM, "content": "Be brief."}, HELLO, ANSWER], {},
         PromptChange(2, 98, "system prompt")),
        ([0, 1, 500, *TOKENS[30:], 7], CHAT[1:], {}, PromptChange(2, 71, "system prompt")),
        ([0, 1, 500, *TOKENS[30:], 7], [SYSTEM, MORE, ANSWER], {}, PromptChange(2, 71, "messages")),
        ([0, 1, 500, *TOKENS[30:], 7], [*CHAT, MORE], {"enable_thinking": True}, PromptChange(2, 71, "variables")),
        ([*TOKENS[:50], *TOKENS[80:], 7], [*CHAT, MORE], {}, PromptChange(50, 21, "template")),
        ([0, 1, 500, *TOKENS[30:90]], CHAT[1:2], {}, PromptChange(2, 60, "system prompt")),  # answered anew
        ([0, 1, 500, 501, 502], [SYSTEM, MORE], {}, PromptChange(2, 0, "messages")),
        ([], [], {}, PromptChange(0, 0, None)),
    ],
)  # fmt: skip
def test_changes(
    tokens: list[int], messages: list[dict[str, str]], variables: dict[str, bool], change: PromptChange
) -> None:
    assert prompt_change(PromptText(TOKENS, CHAT, {}), PromptText(tokens, messages, variables)) == change


def test_tokens_are_not_sought_between_tokens() -> None:
    """Bytes of two neighbours may look like a token that is not there."""
    before = PromptText([5, 0x01000000], [HELLO], {})
    assert prompt_change(before, PromptText([0x0500, 0, 1], [MORE], {})) == PromptChange(0, 0, "messages")
    behind = PromptText([9, 5, 0x01000000, 0x0500, 0, 1], [MORE], {})
    assert prompt_change(before, behind).again == 2
