"""Which configuration is next, who trains it, and whether its worker lives.

scheduler.py     decides, under the study's lock: tell, stop, adopt, suggest
take_over.py     gives a trial the result of an earlier sweep
settle.py        tells results that were written and not told
suggest.py       draws a configuration, and finds what repeats or cannot exist
fair_rates.py    the next network to compare at its own learning rate and at the common one
decisions.py     what a worker is answered: an assignment, wait, or stop
ownership.py     owners of trials, and leases that end with their heartbeats
heartbeat.py     the thread that gives signs of life
front.py         the best trials, and whose weights are kept
clock.py         time that has passed, also when the clock is set
"""
