"""What a sweep was asked to do.

spec.py          the whole of it in one picklable value, as the words of a line say it
search_space.py  Hydra's sweep syntax as Optuna's distributions
composer.py      one configuration from the words of a trial, without Hydra's start-up
samplers.py      Optuna's samplers, from hydra-optuna-sweeper's nodes
objectives.py    names and directions of what is optimised
pruners.py       pruners by name
fair_rates.py    what a search for each network's learning rate needs
preflight.py     reads a spec and refuses, before anything is written, what cannot work
extent.py        how many trials there will be
warm_start.py    results of earlier sweeps that this one need not find again
saved_spec.py    what ``sweep.yaml`` says of a sweep that was begun
"""
