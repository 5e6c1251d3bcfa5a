"""Where the course of a training is written besides its record, each only if it is chosen.

protocol      what a logger does, and what it is told
run_logging   all chosen loggers of one run, each in a thread of its own that can hold nobody up
choice        the logger of each name
tensorboard   event files
mlflow        a tracking server, or its database
wandb         Weights & Biases, and Trackio in the same words
"""
