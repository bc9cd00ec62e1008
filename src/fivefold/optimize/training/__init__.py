"""Training on minibatches: the loop, its data, optimizers, schedules and checkpoints."""
