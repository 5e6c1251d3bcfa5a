"""The results room: from records of trials to tables, statistics, figures, reports. Never imports torch.

columns.py    what is known of every column: kind, unit, direction, label
plain.py      a table as plain rows, for what is printed without pandas
units.py      numbers as people write them
dominance.py  which points no other dominates
best_rates.py the learning rate that suits each network, and which trials compare networks at it

disk/         records, histories and the other files of a sweep, read and written
tables/       the results table: rows, conditions, groups, formats, the terminal
statistics/   fronts, hypervolume, replicates, noise, networks compared image by image
findings/     the verdict, comparisons, confirmations, fair learning rates
scaling/      what doubling depth or width buys, and what untrained networks would reach
figures/      pictures, a file each
report/       one self-contained HTML page
"""
