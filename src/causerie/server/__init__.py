"""`causerie serve`: OpenAI-compatible HTTP in front, the engine in a process of its own behind it.

In front (`app.py`) there is HTTP and JSON and no model; in the engine's process (`engine_process.py`) there are models
and no HTTP; chat templates, tokenizers and compilers of grammars work in others (`text_process.py`) that can be killed.
They speak by `frames.py`.
"""
