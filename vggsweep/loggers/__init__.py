"""Where trainings, and the report of a sweep, are written besides their files, each only if it is chosen.

protocol      what a logger does, and what it is told
threads       loggers at work, each in a thread of its own that can hold nobody up
run_logging   all chosen loggers of one run
sweep_logging all chosen loggers of a sweep that has ended
choice        the logger of each name
tensorboard   event files
mlflow        a tracking server, or its database
wandb         Weights & Biases, and Trackio in the same words
"""
