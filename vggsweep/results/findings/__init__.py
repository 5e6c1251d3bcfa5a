"""What can be said of sweeps, and how sure one may be.

evidence.py      a sweep's table with the records behind it
standing.py      each configuration against the best
verdict.py       the answer; uncertainty.py how sure it is
judgement.py     the verdict on sweeps, and the trials that it rests on
ranking.py       the configurations of a verdict as rows
chosen.py        the networks of a search that are worth a confirmation
confirmed.py     what a confirmation found, and how many seeds would tell
comparison.py    two sweeps, or two trials, side by side
fair_rates.py    networks at one rate for all beside each at its own
latencies.py     latencies of a sweep against its networks timed anew
"""
