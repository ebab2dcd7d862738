"""Requests in, tokens out: schedule, run, draw, commit."""
