"""What the numbers of a table can carry.

replicates.py    trials that differ in their seed, and their mean
settings.py      which settings were varied
front.py         the Pareto-optimal rows; front_summary.py in words
hypervolume.py   what a front dominates
knee.py          where a further step along a front begins to buy little
noise.py         how far accuracies lie apart by chance
paired.py        how far they do image by image; answered.py the answers behind a table
agreement.py     whether a repeated training came out as before
"""
