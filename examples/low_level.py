"""Templates, tokens and generate(), without torch: python examples/low_level.py [MODEL]."""

from __future__ import annotations

import sys

from causerie import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

name = sys.argv[1] if len(sys.argv) > 1 else "builtin"
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForCausalLM.from_pretrained(name, device_map="auto", dtype="auto")
print(model)

chat = [{"role": "user", "content": "Hello! Who are you?"}]
text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
inputs = tokenizer(text, return_tensors="np", add_special_tokens=False)
outputs = model.generate(**inputs, generation_config=GenerationConfig(max_new_tokens=60, do_sample=False))
print(tokenizer.decode(outputs[0][inputs["input_ids"].shape[1] :], skip_special_tokens=True))

# What the model thinks of each next token, and of the one that was drawn.
logits = model(**inputs).logits
print("logits:", logits.shape, "likeliest next token:", repr(tokenizer.decode(int(logits[0, -1].argmax()))))
for event in model.stream(inputs["input_ids"][0].tolist(), max_new_tokens=3, do_sample=True, seed=1, logprobs=2):
    likeliest = [(tokenizer.decode(token), round(logprob, 2)) for token, logprob in event.top_logprobs]
    print(repr(tokenizer.decode(event.token)), round(event.logprob, 2), "of", likeliest)
