"""What a table says.

evidence.py      a sweep's table with the records behind it
replicates.py    trials that differ in their seed, and their mean
settings.py      which settings were varied
front.py         the Pareto-optimal rows; front_summary.py in words
hypervolume.py   what a front dominates
knee.py          where a further step along a front begins to buy little
noise.py         how far accuracies lie apart by chance
paired.py        how far they do image by image; answered.py the answers behind a table
standing.py      each configuration against the best
verdict.py       the answer; uncertainty.py how sure it is
scaling_data.py  networks as features, their errors as logarithms
response_surface.py  the surface through these, with intervals
arithmetic.py    what networks of other sizes would cost
scaling_fit.py   what doublings buy; scaling_words.py in sentences
forecast.py      what untrained networks would reach, and how long they would take
comparison.py    two sweeps, or two trials, side by side
best_rates.py    the learning rate that suits each network, from a search
fair_rates.py    networks at one rate for all beside each at its own
latencies.py     latencies of a sweep against its networks timed anew
agreement.py     whether a repeated training came out as before
"""
