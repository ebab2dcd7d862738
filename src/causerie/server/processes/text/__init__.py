"""Prompts and grammars, made and checked in processes that can be killed."""
