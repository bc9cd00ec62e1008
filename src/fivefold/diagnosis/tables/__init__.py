"""Checks of a table before anything is fitted to it, and of new rows beside the old."""
