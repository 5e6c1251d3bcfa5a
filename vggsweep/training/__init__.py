"""Training: the loop, optimizers, schedules, checkpoints, interruption."""
