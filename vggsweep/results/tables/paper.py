"""The columns that a paper's table wants, of the forty that are known."""

from __future__ import annotations

from vggsweep.results.columns import has_dials
from vggsweep.results.plain import PlainTable, is_deviation
from vggsweep.results.tables.terminal import different_settings

# After what varies: costs, accuracy, how many trials are behind it, time.
FACTS = ("params", "macs", "val_acc", "test_acc", "n", "train_seconds")


def paper_columns(table: PlainTable) -> list[str]:
    """What varies from row to row, then costs, accuracies, the number of replicates and the training's time.

    Args:
        table: a results table, grouped or not; the deviation of a mean comes with it.

    >>> names = ("depth", "n", "lr", "params", "macs", "val_loss", "val_acc", "train_seconds")
    >>> rows = [dict.fromkeys(names, 1) | {"depth": depth, "lr": 0.1} for depth in (4, 8)]
    >>> paper_columns(PlainTable(names, rows))
    ['depth', 'params', 'macs', 'val_acc', 'n', 'train_seconds']
    """
    is_grouped = "n" in table.names and "trial" not in table.names
    keys = list(table.names[: table.names.index("n")]) if is_grouped else []
    settings = different_settings(table)
    if not any(map(has_dials, table.rows)):  # depth and width of such networks are counts, no settings
        settings = {name: values for name, values in settings.items() if name not in ("depth", "width")}
    varied = [name for name, values in settings.items() if len(values) > 1]
    dials = ["depth", "width"] if len(table.rows) < 2 else []
    several = ["sweep"] if len({row.get("sweep") for row in table.rows}) > 1 else []
    # a trial that was stopped early must not pass for a result
    is_whole = all(row.get("state", "COMPLETE") == "COMPLETE" for row in table.rows)
    before, after = ([], []) if is_whole else (["trial", "state"], ["reason"])
    names = [*several, *keys, *before, *varied, *dials, *FACTS, *after]
    if not is_grouped and not varied and len(table.rows) > 1:
        names.insert(0, "trial")
    return [name for name in dict.fromkeys(names) if name in table.names and _has_value(table, name)]


def _has_value(table: PlainTable, name: str) -> bool:
    return any(row.get(name) is not None for row in table.rows) and not is_deviation(name, table.names)
