"""The page: everything that a template shows, gathered, and the template filled in."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from vggsweep.errors import ConfigError
from vggsweep.results.findings.confirmed import findings_of
from vggsweep.results.findings.evidence import Evidence
from vggsweep.results.findings.fair_rates import fair_sentences
from vggsweep.results.findings.judgement import judge
from vggsweep.results.findings.latencies import compare_latencies
from vggsweep.results.findings.standing import describe_network, middle_cost
from vggsweep.results.findings.verdict import Verdict
from vggsweep.results.report.chart import chart_data
from vggsweep.results.report.classes import ClassTable, class_table
from vggsweep.results.report.gallery import drawings
from vggsweep.results.report.rows import table_columns, table_rows
from vggsweep.results.report.training import trained_with
from vggsweep.results.scaling.fit import ScalingFit, fit_scaling
from vggsweep.results.scaling.words import fit_sentences
from vggsweep.results.statistics.front import machines, same_data
from vggsweep.results.statistics.hypervolume import hypervolume, reference_point
from vggsweep.results.statistics.knee import knee
from vggsweep.results.statistics.replicates import mean_over_seeds
from vggsweep.results.statistics.settings import varied_settings
from vggsweep.results.units import short_count
from vggsweep.visible import visible_lines

ROOM = Path(__file__).parent


def report_page(
    evidence: Evidence,
    *,
    x: str | None = None,
    y: str | None = None,
    version: str = "",
    now: datetime | None = None,
) -> str:
    """The whole HTML text.

    Args:
        evidence: the sweeps.
        x: column of the cost; None for that of the sweeps' objective, else MACs.
        y: column of the accuracy; None for that of the sweeps' objective.
        version: of vggsweep, for the page's foot.
        now: when it was made; None for this moment.

    Raises:
        ConfigError: no such column.
    """
    table = evidence.table
    compared, _ = same_data(table)
    found = judge(evidence, x, y)
    verdict, judged, fair, cost, y = found.verdict, found.table, found.fair, found.cost, found.accuracy
    standings = {standing.label: standing for group in verdict.standings for standing in group}
    columns = table_columns(table, cost, y)
    rows = table_rows(evidence, columns, cost, y, has_front=verdict.equal_cost is None)
    fit = _fit(judged, y)
    search_seed = None if fair is None else fair.search_seed
    drawn, refused = drawings(compared, judged, cost, y, verdict.equal_cost, search_seed, fit)
    moment = now or datetime.now(UTC)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOM),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["short_count"] = short_count
    environment.filters["middle_cost"] = middle_cost
    return environment.get_template("report.html.j2").render(
        title=", ".join(sweep.name for sweep in evidence.sweeps),
        where=evidence.where,
        verdict=verdict,
        trained=trained_with(evidence.records.values()),
        fair=fair,
        fair_sentences=() if fair is None or not fair.has_compared else fair_sentences(fair),
        ends=(
            *(f"sweep {one.name}: {line}" for one in evidence.sweeps for line in one.infeasible),
            *(f"sweep {one.name} ended: {one.ended}" for one in evidence.sweeps if one.ended is not None),
        ),
        timed=_timed_anew(evidence),
        tiles=_tiles(compared, cost, y, verdict),
        classes=_classes_of_best(evidence, verdict),
        doublings=[] if fit is None else [*fit_sentences(fit), *map(_sentence, fit.data.cautions)],
        confirmed=[
            (one.confirmation, findings_of(one.confirmation.result))
            for one in evidence.sweeps
            if one.confirmation is not None and one.confirmation.result is not None
        ],
        cost=cost,
        columns=columns,
        rows=rows,
        chart=_shown(chart_data(judged, cost, y, standings, equal_cost=verdict.equal_cost)),
        how=_shown({row.number: {"title": row.title, "how": row.how, "reason": row.reason} for row in rows}),
        drawn=drawn,
        refused=refused,
        failures=[row for row in rows if row.state == "FAIL"],
        damaged=[str(error) for error in evidence.damaged],
        sweeps=evidence.sweeps,
        states=[str(state) for state in table["state"].value_counts().index],
        style=Markup((ROOM / "report.css").read_text(encoding="utf-8")),
        scripts=[Markup((ROOM / name).read_text(encoding="utf-8")) for name in ("chart.js", "table.js")],
        made=moment.strftime("%Y-%m-%d %H:%M UTC"),
        version=version,
    )


def _shown(value: Any) -> Any:
    """Text that turns no line around; what is markup already is ours."""
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return visible_lines(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _timed_anew(evidence: Evidence) -> tuple[str, ...]:
    """For each sweep whose networks `vggsweep measure` timed: whether its own latencies say the same."""
    said = []
    for facts in evidence.sweeps:
        if facts.timed is None:
            continue
        rows = evidence.table[evidence.table["sweep"] == facts.name]
        agreement = compare_latencies(facts.timed, rows, facts.objective)
        if agreement.pairs:
            when = f"networks of {facts.name} timed anew on {facts.timed.when[:10]} ({facts.timed.condition})"
            said.append(f"{when}: {agreement}")
    return tuple(said)


def _classes_of_best(evidence: Evidence, verdict: Verdict) -> ClassTable | None:
    standings = [standing for group in verdict.standings for standing in group]
    if not standings:
        return None
    best = max(standings, key=lambda standing: standing.accuracy)
    return class_table(evidence, best.label, best.name)


def _fit(table: pd.DataFrame, y: str) -> ScalingFit | None:
    """What doublings buy; None for a table that does not determine it."""
    with suppress(ConfigError):
        return fit_scaling(table, y)
    return None


def _sentence(caution: str) -> str:
    return f"{caution[0].upper()}{caution[1:]}."


def _tiles(table: pd.DataFrame, x: str, y: str, verdict: Verdict) -> list[tuple[str, str, str]]:
    """Four numbers that a reader wants first: each with its name and a note."""
    counts = table["state"].value_counts()
    words = {"PRUNED": "pruned", "FAIL": "failed"}
    others = [f"{counts[state]} {word}" for state, word in words.items() if state in counts]
    note = ", ".join(others) or "none pruned, none failed"
    tiles = [(str(counts.get("COMPLETE", 0)), "trials finished", note)]
    standings = [standing for group in verdict.standings for standing in group]
    if not standings:
        return tiles
    best = max(standings, key=lambda standing: standing.accuracy)
    note = best.name if best.interval is None else f"{best.name}; 95 % interval {best.interval}"
    tiles.append((f"{best.accuracy:.3f}", f"best {y}", note))
    if verdict.equal_cost is not None:
        return [*tiles, *_equal_cost_tiles(verdict)]
    means = mean_over_seeds(table)
    finished = means[means["state"] == "COMPLETE"]
    if x not in means.columns or finished[x].isna().all() or machines(finished, x, y).nunique() > 1:
        return tiles
    bend = knee(means, x, y)
    if bend is not None:
        row = means.loc[bend]  # type: ignore[call-overload]
        note = f"{describe_network(row, varied_settings(means))}; {y} {row[y]:.3f}"
        tiles.append((short_count(float(row[x])), f"{x} at the knee of the front", note))
    point = reference_point(means, x, y)
    note = f"up to {x} {short_count(point[0])}, {y} {point[1]:g}"
    return [*tiles, (short_count(hypervolume(means, x, y, point)), "hypervolume", note)]


def _equal_cost_tiles(verdict: Verdict) -> list[tuple[str, str, str]]:
    """Where all networks of a group cost the same, a front of accuracy against that cost says nothing."""
    costs = [[s.cost for s in group if s.cost is not None] for group in verdict.standings]
    middles = [short_count(one) for one in map(middle_cost, verdict.standings) if one is not None]
    spread = max((max(group) / min(group) - 1 for group in costs if group), default=0.0)
    worse = sum(standing.is_told_apart for group in verdict.standings for standing in group)
    others = sum(len(group) - 1 for group in verdict.standings)
    shown = ", ".join(middles[:3]) + (", …" if len(middles) > 3 else "")
    return [
        (shown, f"{verdict.equal_cost} of each network", f"equal within {spread:.1%}"),
        (
            f"{worse} of {others}",
            "others clearly worse",
            "less accurate than the best by more than the noise",
        ),
    ]
