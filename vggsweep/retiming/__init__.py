"""Networks of finished trials timed anew, side by side in one process; no data and no weights are needed.

networks.py    from records to networks, each architecture once
conditions.py  device, threads, engines, precisions, batch sizes: as typed, else as in the sweep
engines.py     how a network is called: eager, compiled, or by onnxruntime
session.py     one session for each condition, and what of it may be believed
lines.py       what a sweep keeps of a session
"""
