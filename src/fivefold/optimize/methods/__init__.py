"""Full-batch methods: directions, steps, the descent that drives them, and what their ends certify."""
