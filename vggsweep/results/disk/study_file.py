"""What ``study.db`` knows of each trial's configuration, read without Optuna.

Tables are made from records alone; this only tells a record that lies in another trial's place.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from vggsweep.identity import Identity

# As `vggsweep.sweep.storage.trial_attrs` writes them.
QUERY = """
SELECT trials.number, json_extract(value_json, '$.configuration_hash'), json_extract(value_json, '$.data')
FROM trial_user_attributes JOIN trials USING (trial_id) WHERE key = 'vggsweep'
"""


def known_identities(study: Path) -> dict[int, Identity]:
    """Identities by trial number; none where the file is missing, damaged or holds several studies.

    Args:
        study: ``study.db`` of a sweep's directory.
    """
    if not study.is_file():
        return {}
    try:
        with closing(sqlite3.connect(f"{study.resolve().as_uri()}?mode=ro", uri=True, timeout=1)) as database:
            (studies,) = database.execute("SELECT COUNT(*) FROM studies").fetchone()
            rows = database.execute(QUERY).fetchall() if studies == 1 else []
    except (sqlite3.Error, ValueError):
        return {}
    return {number: Identity(configuration, data) for number, configuration, data in rows if configuration}
