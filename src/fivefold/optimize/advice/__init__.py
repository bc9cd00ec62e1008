"""Which method fits an objective, and why."""
