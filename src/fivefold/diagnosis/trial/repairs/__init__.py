"""Repairs of a script's source, by what was found."""
