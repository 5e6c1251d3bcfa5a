"""The results table.

table.py       rows from records; `load_sweep` gives them to pandas
condition.py   ``--where``
selection.py   order, columns, the best row of each value
groups.py      replicates as one row
paper.py       the columns that a paper's table wants
held_out.py    what the test set said: shown, and nothing to choose by
chance.py      whether a network learned anything
reasons.py     why trials failed, each reason once
formats.py     CSV, JSON, Markdown, LaTeX, HTML, Parquet
terminal.py    the table on a terminal
"""
