"""The study of a sweep, in a database that several processes and hosts write.

study.py         open, add a trial, tell a result
rdb.py           Optuna's RDBStorage, with retries while a database is away
buffered.py      Optuna's cached storage, with trials written whole and fewer reads
sqlite_wal.py    SQLite's write-ahead log, while workers run
study_lock.py    the lock under which decisions are made, of a file or of a server
file_lock.py     exclusive locks of files, which end with their process
trial_attrs.py   what we write on a trial, and how it is read back
"""
