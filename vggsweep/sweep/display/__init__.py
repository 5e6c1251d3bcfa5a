"""What a person sees of a sweep.

progress.py      how far it is, and how long it will take
live.py          the picture that changes while it runs
closing.py       what it leaves behind: table, front, best configurations, the next command
logged_report.py its report, for the loggers that are chosen
trial_status.py  one trial: how far, how good, who trains it
asking.py        a question before something is lost
keyboard.py      keys that are pressed meanwhile
"""
