"""The sweep room: from the words of ``vggsweep -m`` to trained trials in an Optuna study.

plugin.py        the class that Hydra finds as ``hydra/sweeper=vggsweep``
run.py           a sweep from its first word to its last
single_run.py    one configuration without a sweep; rerun.py trains failed ones again
status.py        a sweep at one moment, for a process that only looks at it
hydra_task.py    Hydra's task function, behind both of them
stagewise.py     the hook of ``space=stagewise``
command_line.py  the line as it was typed
outcome.py       how a worker ended

spec/            what was asked: search space, sampler, objective, pruner, and the checks of all
storage/         the study, its database, its locks, and what is written on its trials
pruning/         which trials end early
search/          the sampler that knows costs, and when a sweep has reached a plateau
scheduling/      which configuration is next, who trains it, and whether its worker lives
display/         how far a sweep is, and what it found
workers/         processes that train, through any of Hydra's launchers
recovery/        continuing a sweep, and putting right what was lost or changed

`[tool.importlinter]` in pyproject.toml says which floor imports which: storage is the lowest.
"""
