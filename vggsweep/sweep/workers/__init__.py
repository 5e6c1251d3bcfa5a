"""Where workers run: from the command through one of Hydra's launchers to a process that trains.

launchers        which of Hydra's launchers, and what it needs
launch           the command's side: starts supervisors, watches, starts again what was lost
detached         the same for jobs of a queue, which no command waits for
jobs             which of these still wait or run
supervisor       what a launcher runs: one worker's process, replaced when it dies
process          that process
worker           what it does: asks for a trial, trains it, tells its result
slot             which of a host's workers this is: its name, device and threads
parent, reaper   which process started this one, so that none outlives the command
monitor          one view of every worker, on whichever host
"""
