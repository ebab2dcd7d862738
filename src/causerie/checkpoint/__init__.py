"""Bytes on disk or on the hub, as named arrays; knows no model."""
