"""Which learning rates train: the range test and the edge of stability."""
