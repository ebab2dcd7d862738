"""The field's tokenizer interface: what `AutoTokenizer.from_pretrained` gives.

Calls, encoding and decoding, chat templates and special tokens by the names that scripts written for transformers 5.23
use, over `text/` and `chat/`. Knows no model and no engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from causerie.api.generation.foreign_flags import refuse_flags
from causerie.api.model_files.gguf_model import gguf_tokenizer
from causerie.api.tensors import is_numpy, is_torch, to_lists
from causerie.api.tokenizer.batch_encoding import BatchEncoding
from causerie.api.tokenizer.encoding_rows import EncodedRow, assistant_mask, encoding_of, pad_encodings
from causerie.api.tokenizer.padding import LengthPlan, cut_row, plan_lengths
from causerie.api.tokenizer.token_names import TokenNames
from causerie.api.tokenizer.tokenizer_files import FOREIGN, tokenizer_config, write_tokenizer
from causerie.api.tokenizer.tokenizer_options import CALL_OPTIONS, NEUTRAL, asked, refuse, texts_of
from causerie.chat.chat_format import ChatFormat
from causerie.chat.encode import EncodedChat, encode_chat
from causerie.chat.messages import is_chats
from causerie.chat.template import ChatTemplate, RenderOptions
from causerie.chat.template_files import templates_by_name
from causerie.checkpoint.local_model import is_gguf_file
from causerie.errors import Unsupported, UsageError
from causerie.text.tokenizer import Tokenizer

# transformers' value where a checkpoint states no length.
_NO_MAXIMUM = int(1e30)


class ChatTokenizer(TokenNames):
    """A checkpoint's tokenizer and chat template under the field's names. `text` and `chat` are the parts it is made
    of, for code of this program."""

    is_fast = True

    def __init__(self, text: Tokenizer, chat: ChatFormat, name_or_path: str) -> None:
        super().__init__(text)
        self.chat = chat
        self.name_or_path = name_or_path
        config = text.config
        self.padding_side = text.padding_side
        self.truncation_side = str(config.get("truncation_side") or "right")
        stated = config.get("model_max_length")
        self.model_max_length = int(stated) if isinstance(stated, (int, float)) else _NO_MAXIMUM
        self.model_input_names = list(config.get("model_input_names") or ["input_ids", "attention_mask"])

    @staticmethod
    def from_folder(folder: Path | str, name_or_path: str | None = None) -> ChatTokenizer:
        """The tokenizer of a model folder, or of a GGUF file. MissingFile and CheckpointError say what is wrong with
        it."""
        if is_gguf_file(Path(folder)):
            text = gguf_tokenizer(Path(folder))
            template = ChatTemplate(text.config.get("chat_template"), text.special_tokens_map)
            return ChatTokenizer(text, ChatFormat(text, template), name_or_path or str(folder))
        text = Tokenizer.from_folder(folder)
        return ChatTokenizer(text, ChatFormat.from_folder(folder, text), name_or_path or str(folder))

    def __repr__(self) -> str:
        return f"ChatTokenizer({self.name_or_path!r}, {len(self)} tokens, special: {self.special_tokens_map})"

    def set_special(self, name: str, content: str | None) -> None:
        """Names a token of the vocabulary as special ("pad_token", …), for padding and for templates."""
        super().set_special(name, content)
        self.chat.template.special_tokens = self.text.special_tokens_map

    def save_pretrained(self, save_directory: str | Path, **others: Any) -> tuple[str, ...]:
        """Writes tokenizer.json, tokenizer_config.json and the chat templates into a folder, which is made if need be,
        as they are now: AutoTokenizer, ours and transformers', loads the same tokenizer from it. Returns the paths.
        Raises UsageError, Unsupported, CheckpointError."""
        refuse_flags("option of save_pretrained()", others, FOREIGN, ("save_directory",))
        own: dict[str, Any] = {"padding_side": self.padding_side, "truncation_side": self.truncation_side}
        own["model_input_names"] = self.model_input_names
        if self.model_max_length != _NO_MAXIMUM:
            own["model_max_length"] = self.model_max_length
        config = tokenizer_config(self.text, own)
        return write_tokenizer(Path(save_directory), self.text, config, self.chat.template.sources)

    # --- text to tokens ---

    def __call__(
        self,
        text: str | Sequence[str] | None = None,
        text_pair: None = None,
        *,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_attention_mask: bool | None = None,
        return_token_type_ids: bool | None = None,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        split_special_tokens: bool | None = None,
        **others: Any,
    ) -> BatchEncoding:
        """Tokens of a text or of several: input_ids and attention_mask, and what else is asked for. Without
        `return_tensors` lists (of lists), with "pt" or "np" tensors [rows, tokens]. With `split_special_tokens` (by
        default as tokenizer_config.json says) spellings of special tokens are ordinary text."""
        refuse(others, NEUTRAL, "tokenizer option", CALL_OPTIONS)
        if text_pair is not None:
            raise Unsupported(
                "text_pair is for models that compare two texts. Join the texts, or pass a list of texts."
            )
        texts = texts_of(text)
        plan = self._plan(padding, truncation, max_length, pad_to_multiple_of, padding_side)
        split = asked(split_special_tokens, self._splits_special_tokens)
        rows = [self._row(each, add_special_tokens, split, plan) for each in texts]
        return encoding_of(
            rows,
            plan,
            self.pad_token_id or 0,
            single=isinstance(text, str),
            return_tensors=return_tensors,
            spell=self.text.id_to_token,
            names={
                "attention_mask": asked(return_attention_mask, "attention_mask" in self.model_input_names),
                "token_type_ids": asked(return_token_type_ids, "token_type_ids" in self.model_input_names),
                "special_tokens_mask": return_special_tokens_mask,
                "offset_mapping": return_offsets_mapping,
                "length": return_length,
            },
        )

    def encode(
        self,
        text: str,
        text_pair: None = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        return_tensors: str | None = None,
        **others: Any,
    ) -> Any:
        """The input_ids of one text: a list, or a tensor [1, tokens]."""
        return self(
            text,
            text_pair,
            add_special_tokens=add_special_tokens,
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            return_tensors=return_tensors,
            **others,
        )["input_ids"]

    def tokenize(self, text: str, add_special_tokens: bool = False) -> list[str]:
        """The tokens of a text, spelled as in `Tokenizer.pieces`."""
        if self._splits_special_tokens:
            return list(self.convert_ids_to_tokens(self(text, add_special_tokens=add_special_tokens)["input_ids"]))
        return self.text.pieces(text, add_special_tokens)

    @property
    def backend_tokenizer(self) -> Any:
        """The tokenizer of the `tokenizers` library underneath."""
        return self.text.backend

    @property
    def _splits_special_tokens(self) -> bool:
        """Whether the checkpoint wants spellings of special tokens read as ordinary text."""
        return bool(self.text.config.get("split_special_tokens", False))

    def _plan(
        self,
        padding: bool | str,
        truncation: bool | str | None,
        max_length: int | None,
        multiple: int | None,
        side: str | None,
    ) -> LengthPlan:
        plan = plan_lengths(padding, truncation, max_length, self.model_max_length, multiple, side or self.padding_side)
        if plan.pad != "" and self.pad_token_id is None:
            raise UsageError(
                "There is nothing to pad with: this tokenizer has no padding token. Set one, for instance "
                "tokenizer.pad_token = tokenizer.eos_token."
            )
        return plan

    def _row(self, text: str, add_special: bool, as_text: bool, plan: LengthPlan) -> EncodedRow:
        tokens, spans = self.text.encode_with_spans(text, False, as_text)
        before, after = self.text.surrounding() if add_special else ([], [])
        if plan.cut is not None:
            room = plan.cut - len(before) - len(after)
            tokens = cut_row(tokens, room, self.truncation_side)
            spans = cut_row(spans, room, self.truncation_side)
        mask = [1] * len(before) + [0] * len(tokens) + [1] * len(after)
        outside = (0, 0)
        return EncodedRow(before + tokens + after, [outside] * len(before) + spans + [outside] * len(after), mask)

    def pad(
        self,
        encoded_inputs: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
    ) -> BatchEncoding:
        """Rows that were encoded one by one (a list of mappings, or a mapping of lists), padded to one length."""
        plan = self._plan(padding, False, max_length, pad_to_multiple_of, padding_side)
        mask = asked(return_attention_mask, "attention_mask" in self.model_input_names)
        return pad_encodings(encoded_inputs, plan, self.pad_token_id or 0, mask, return_tensors)

    # --- tokens to text ---

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **others: Any,
    ) -> Any:
        """The text of tokens (an id, a list, an array, a tensor), or a list of texts for several rows."""
        refuse(others, {}, "option of decode()", ("skip_special_tokens", "clean_up_tokenization_spaces"))
        tokens = to_lists(token_ids["input_ids"] if isinstance(token_ids, Mapping) else token_ids)
        if isinstance(tokens, int):
            tokens = [tokens]
        if tokens and isinstance(tokens[0], list):
            return [self.text.decode(row, skip_special_tokens, clean_up_tokenization_spaces) for row in tokens]
        return self.text.decode(tokens, skip_special_tokens, clean_up_tokenization_spaces)

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **others: Any,
    ) -> list[str]:
        """A text for each row of tokens."""
        rows = sequences if is_torch(sequences) or is_numpy(sequences) else list(sequences)
        return [self.decode(row, skip_special_tokens, clean_up_tokenization_spaces, **others) for row in rows]

    # --- chats ---

    def apply_chat_template(
        self,
        conversation: Any,
        tools: Sequence[Any] | None = None,
        documents: Sequence[Mapping[str, Any]] | None = None,
        chat_template: str | None = None,
        add_generation_prompt: bool = False,
        continue_final_message: bool | str = False,
        tokenize: bool = True,
        sanitize_control_tokens: bool = False,
        padding: bool | str = False,
        truncation: bool | str = False,
        max_length: int | None = None,
        return_tensors: str | None = None,
        return_dict: bool = True,
        return_assistant_tokens_mask: bool = False,
        tokenizer_kwargs: Mapping[str, Any] | None = None,
        **variables: Any,
    ) -> Any:
        """A chat (or several) as the model reads it: a BatchEncoding, with return_dict=False the ids, with
        tokenize=False the text. Further keywords are variables of the template, such as enable_thinking.

        The ids are those of the rendered text, so that a control token spelled in a message is one, as in transformers;
        with sanitize_control_tokens=True it stays text, as it always does in the pipeline, the terminal and the server.
        Raises UsageError and its kinds."""
        if return_assistant_tokens_mask and not (return_dict and tokenize):
            raise UsageError("return_assistant_tokens_mask=True needs return_dict=True and tokenize=True.")
        if return_assistant_tokens_mask and continue_final_message:
            raise UsageError("return_assistant_tokens_mask and continue_final_message exclude each other.")
        if sanitize_control_tokens and not tokenize:
            raise UsageError(
                "sanitize_control_tokens=True says which tokens a text becomes, and tokenize=False gives the text, "
                "which is the same either way. Leave one of them out."
            )
        several = is_chats(conversation)
        options = RenderOptions(tools, documents, add_generation_prompt, continue_final_message, variables)
        chats = list(conversation) if several else [conversation]
        if not tokenize:
            texts = [self.chat.template.render_with(chat, options, chat_template).text for chat in chats]
            return texts if several else texts[0]
        options_left = dict(tokenizer_kwargs or {})
        multiple, side = options_left.pop("pad_to_multiple_of", None), options_left.pop("padding_side", None)
        mask = options_left.pop("return_attention_mask", None)
        refuse(
            options_left, NEUTRAL, "tokenizer option", ("pad_to_multiple_of", "padding_side", "return_attention_mask")
        )
        plan = self._plan(padding, truncation, max_length, multiple, side)
        encoded = [self._encoded(chat, options, chat_template, sanitize_control_tokens) for chat in chats]
        rows = [self._chat_row(each, plan) for each in encoded]
        more = None
        if return_assistant_tokens_mask:
            more = {
                "assistant_masks": [
                    assistant_mask(row, each.assistant) for row, each in zip(rows, encoded, strict=True)
                ]
            }
        names = {"attention_mask": asked(mask, True)}
        out = encoding_of(
            rows,
            plan,
            self.pad_token_id or 0,
            not several,
            return_tensors=return_tensors,
            names=names,
            spell=self.text.id_to_token,
            more=more,
        )
        return out if return_dict else out["input_ids"]

    def _encoded(self, chat: Any, options: RenderOptions, template: str | None, sanitize: bool) -> EncodedChat:
        if sanitize:
            return encode_chat(self.text, self.chat.template, chat, options, template)
        rendered = self.chat.template.render_with(chat, options, template)
        tokens, spans = self.text.encode_with_spans(rendered.text, False, self._splits_special_tokens)
        return EncodedChat(tokens, spans, rendered.text, rendered.assistant)

    def _chat_row(self, chat: EncodedChat, plan: LengthPlan) -> EncodedRow:
        if plan.cut is None:
            return EncodedRow(chat.tokens, chat.spans, [0] * len(chat.tokens))
        tokens = cut_row(chat.tokens, plan.cut, self.truncation_side)
        return EncodedRow(tokens, cut_row(chat.spans, plan.cut, self.truncation_side), [0] * len(tokens))

    @property
    def chat_template(self) -> Any:
        """The template's text, a mapping of several by name, or None for a base model. May be set."""
        sources = self.chat.template.sources
        if set(sources) == {"default"}:
            return sources["default"]
        return dict(sources) or None

    @chat_template.setter
    def chat_template(self, value: Any) -> None:
        self.chat.template.sources = templates_by_name(value)

    def get_chat_template(self, chat_template: str | None = None, tools: Any = None) -> str:
        """The text of the template that would be used."""
        return self.chat.template.source(chat_template, tools)
