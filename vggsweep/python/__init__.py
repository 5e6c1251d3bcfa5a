"""What a script or a notebook calls; `vggsweep` itself names it.

calls.py       train once, or run a sweep: the same path as the command's
sweep.py       a sweep that exists: table, front, figures, report, the best model
trial.py       one trial of it
"""
