"""Continuing a sweep, and putting right what was lost, damaged or changed since.

continuation.py  whether a command continues the sweep of its directory, and what comes first
changed_data.py  how data changed, in words
reading.py       a study to look at, from its database or from the records
rebuild.py       a study's trials from records
removal.py       a trial, or a whole sweep, taken away
study_edits.py   changes that Optuna has no word for: a trial that begins again or is gone, a wider space
"""
