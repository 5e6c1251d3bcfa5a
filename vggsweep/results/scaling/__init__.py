"""What doubling depth or width buys, from the networks that were trained.

data.py        networks as features, their errors as logarithms
surface.py     the surface through these, with intervals
arithmetic.py  what networks of other sizes would cost
fit.py         what doublings buy; words.py in sentences
forecast.py    what untrained networks would reach, and how long they would take
"""
