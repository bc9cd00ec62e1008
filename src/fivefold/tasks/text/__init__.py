"""Texts as data: reading, tokens, and the terms of a field."""
