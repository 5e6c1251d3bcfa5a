"""A page in the browser that follows a running sweep; it reads, and never writes.

    study, history → `LiveSweep`  → /state   polled by live.html, which
    records        → `LiveReport` → /report  loads this anew when another was drawn

state.py          what the page shows of a sweep at one moment
live_report.py    the report, drawn anew when records have changed, as often as costs little
live_curves.py    its learning curves with those of running trials
live_sweep.py     both of them, looked at when a browser asks
optuna_pages.py   Optuna's own dashboard over the same study, where it is installed
application.py    which address shows what, and whom it refuses
server.py         the port on which this machine alone can ask
"""
