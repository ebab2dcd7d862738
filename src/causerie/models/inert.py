"""Keys of config.json that change no logit, values that switch a key's arithmetic off, and keys that no family may set.
Data only; each group says why.

What is here is passed over in silence. Other keys that a family does not read are judged by unread_keys.py.
"""

from __future__ import annotations

from typing import Any

_BOOKKEEPING = (  # who wrote the file, and for which class of which program
    "model_type",
    "architectures",
    "transformers_version",
    "transformers.js_config",
    "_name_or_path",
    "name_or_path",
    "_commit_hash",
    "is_llama_config",
    "finetuning_task",
    "task_specific_params",
    "unsloth_version",
    "unsloth_fixed",
    "unsloth_fixed_mtp",
    "initial_context_length",  # of gpt-oss, in whose rope_scaling it stands again
    "n_ctx",  # as long as n_positions, which is what is read
    "max_sequence_length",  # of the first Llama conversions; max_position_embeddings is what is read
)
_CODE = ("auto_map", "trust_remote_code")  # of a checkpoint: never run; a family that is built in needs none
_TRAINING = (  # how weights were first drawn, and what is dropped while training only
    "initializer_range",
    "attention_dropout",
    "attention_probs_dropout_prob",
    "hidden_dropout_prob",
    "hidden_dropout",
    "embd_pdrop",
    "resid_pdrop",
    "attn_pdrop",
    "embedding_dropout",
    "residual_dropout",
    "embed_dropout",
    "resid_dropout",
    "expert_dropout",
    "activation_dropout",
    "classifier_dropout",
    "dropout",
    "layerdrop",
    "init_std",
    "init_method",
    "embedding_initializer_range",
    "gradient_checkpointing",
    # Of LFM2: scales of the first weights.
    "block_mlp_init_scale",
    "block_out_init_scale",
    "block_use_xavier_init",
    "conv_use_xavier_init",
    # Splits a matrix product into slices, as one training run did; the sum is the same.
    "pretraining_tp",
    "slow_but_exact",  # the slices added up one by one
    # Which steps one kernel of the training program did together, and in which precision.
    "attention_softmax_in_fp32",
    "bias_dropout_fusion",
    "masked_softmax_fusion",
    "skip_bias_add",
    "skip_bias_add_qkv",
    "offset_alibi",
    # Of routers: noise on what they read, and a loss that spreads their choices; in evaluation neither is there.
    "router_jitter_noise",
    "router_aux_loss_coef",
    "aux_loss_alpha",
    "seq_aux",
    "moe_capacity",  # how many tokens an expert takes in training
    "ep_size",  # over how many machines experts were spread
    "z_loss_coefficient",
    # Of Mamba: scales of the first weights, and which of its programs trained it.
    "rescale_prenorm_residual",
    "time_step_init_scheme",
    "use_mamba_kernels",
    "use_mambapy",
    "use_associative_scan",
    # In which precision the other program adds up layers and keeps states; here always in float32.
    "residual_in_fp32",
    "mamba_ssm_cache_dtype",
    "moe_shared_expert_overlap",  # whether a program computes experts and what is shared at the same time
)
_OUTPUTS = (  # what the other program's forward pass returns beside logits, and how it is run there
    "use_cache",
    "output_attentions",
    "output_hidden_states",
    "output_router_logits",
    "return_dict",
    "torchscript",
    "use_bfloat16",
    "chunk_size_feed_forward",
    "cache_implementation",
    "_attn_implementation_autoset",
    "tf_legacy_loss",
    "num_logits_to_keep",
)
_LABELS = ("id2label", "label2id", "num_labels", "problem_type")  # of classifiers; a decoder has none
_SUMMARY = (  # of other heads that GPT-2 was published with: one that chooses among texts
    "n_special",
    "predict_special_tokens",
    "summary_type",
    "summary_use_proj",
    "summary_activation",
    "summary_proj_to_labels",
    "summary_first_dropout",
)
_DTYPE = ("torch_dtype", "dtype")  # read when weights are loaded, not here
_TOKENS = (  # which ids end or pad a text: the engine and the tokenizer read them
    "bos_token_id",
    "eos_token_id",
    "eod_token_id",
    "pad_token_id",
    "sep_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "bad_words_ids",
    "suppress_tokens",
    "begin_suppress_tokens",
    "prefix",
    "tokenizer_class",
    # Where pictures are put into a text; without them they never come.
    "image_token_id",
    "image_token_index",
    "video_token_id",
    "vision_token_id",
    "vision_start_token_id",
    "vision_end_token_id",
)
_SAMPLING = (  # old configs carry the sampling defaults of their day; the field reads generation_config.json instead
    "max_length",
    "min_length",
    "do_sample",
    "early_stopping",
    "num_beams",
    "num_beam_groups",
    "diversity_penalty",
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
    "repetition_penalty",
    "length_penalty",
    "no_repeat_ngram_size",
    "encoder_no_repeat_ngram_size",
    "num_return_sequences",
    "output_scores",
    "return_dict_in_generate",
    "exponential_decay_length_penalty",
    "remove_invalid_values",
)

INERT = frozenset((*_BOOKKEEPING, *_CODE, *_TRAINING, *_OUTPUTS, *_LABELS, *_SUMMARY, *_DTYPE, *_TOKENS, *_SAMPLING))

NEUTRAL: dict[str, tuple[Any, ...]] = {
    # These would matter with any other value, whether or not the field's code reads them.
    "is_encoder_decoder": (False,),
    "is_decoder": (False, True),
    "add_cross_attention": (False,),
    "tie_encoder_decoder": (False,),
    "cross_attention_hidden_size": (),
    "pruned_heads": ({}, []),
    "use_mrope": (False,),  # the distilled R1 models
    "full_attn_mod": (1,),  # Phi-4-mini: every layer attends to all positions
    "interpolate_factor": (1,),
    "activation": ("swiglu",),  # Falcon 3; the gate's own function is hidden_act
    # Names of ways to compute the same attention; a name of anything else would be code from elsewhere.
    "attn_implementation": ("eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"),
    "_attn_implementation": ("eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"),
}

FACTORS = frozenset(  # what is multiplied or divided by them stays as it is where they are 1
    (
        "attention_in_multiplier",
        "attention_out_multiplier",
        "attention_value_scale",
        "embedding_multiplier",
        "embedding_scale",
        "factor",
        "key_multiplier",
        "lm_head_multiplier",
        "logit_scale",
        "logits_scaling",
        "output_multiplier",
        "partial_rotary_factor",
        "residual_multiplier",
        "residual_scale",
        "rotary_pct",
        "scale_emb",
    )
)

ALWAYS = frozenset(  # what every decoder here does, so that false or 0 asks for another one; any other key is off by it
    (
        "causal",
        "decoder_normalize_before",
        "do_layer_norm_before",
        "is_causal",
        "is_gated_act",
        "normalize_before",
        "scale_attn_weights",
        "use_gated_mlp",
        "use_rotary_embedding",
    )
)

SWITCHES = {  # keys that mean nothing where the key named here is false in the same file
    "sliding_window": "use_sliding_window",
    "max_window_layers": "use_sliding_window",
}

_RUN = "it names code, and this program runs no code that comes with a checkpoint"
_PACKED = "its weights are packed in a way that is not read; use the float16 or bfloat16 checkpoint of the same model"

REFUSED: dict[str, str] = {
    "custom_pipelines": _RUN,
    "custom_generate": _RUN,
    "kernels": _RUN,
    "_attn_implementation_internal": _RUN,
    "_experts_implementation_internal": _RUN,
    "quantization": _PACKED,  # MLX
    "quantization_config": _PACKED,
    "compression_config": _PACKED,
}
