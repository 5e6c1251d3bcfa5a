"""The files of a sweep, read and written.

layout.py      directories and files by name
address.py     how a person names a trial
best.py        the best configuration, seeds averaged
choice.py      the sweeps and trials that a line names
leftovers.py   what trials left on disk besides their results
record.py      ``record.json``, the result of a trial
answers.py     ``answers.json``, which validation images it got right
recorded_network.py  the network of a record, typed again
history.py     ``history.csv``, a row per epoch
sweep_file.py  ``sweep.yaml``, what a sweep was told
study_file.py  ``study.db``, only as far as tables need it
index.py       the rows of many records in one file
openings.py    ``test_openings.jsonl``, each look at the test set
measurements.py ``measurements.jsonl``, networks timed anew
confirmation.py  ``confirmation.json``, the networks that a sweep confirms
yaml_text.py   YAML that a person reads and Hydra reads back
"""
