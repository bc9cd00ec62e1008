"""A trained network for pictures as a file for other programs, with the proof that it answers the same."""
