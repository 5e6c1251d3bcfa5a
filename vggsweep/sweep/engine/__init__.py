"""Where workers run: from the command through one of Hydra's launchers to a process that trains.

launcher         which of Hydra's launchers, and what it needs
launch           the command's side: starts keepers, watches, starts again what was lost
keeper           what a launcher runs: one worker's process, replaced when it dies
worker_process   that process
seat             which of a host's workers this is: its name, device and threads
starter, guard   who started whom, so that nobody outlives the command
monitor          one view of every worker, on whichever host
"""
