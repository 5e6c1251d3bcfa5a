"""Tab completion for bash, zsh and fish, in a tenth of a second: it imports neither Hydra nor a verb.

candidates.py  what may follow a line: verbs and their flags, sweeps, trials, groups, options, fields
fields.py      the fields of a configuration, from the files that the line chooses
shells.py      what each shell evaluates once
"""
