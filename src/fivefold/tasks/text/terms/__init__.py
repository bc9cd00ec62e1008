"""The terms of a field: candidates, their nestedness, their contrast with other texts."""
