"""Train the networks that a sweep suggests once more, with seeds that its search never used.

The new trainings are a sweep of their own, whose ``sweep.enqueue`` is the chosen configurations and whose
replicates are the new seeds: workers, kills, status, table and report are those of any sweep.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hydra._internal.utils import get_args_parser

from vggsweep.configuration.belonging import Fingerprints
from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.compose import expand_aliases
from vggsweep.configuration.schema import TARGET_FIELDS, read_configuration
from vggsweep.configuration.words import parse, word
from vggsweep.data.catalog import check_test_split
from vggsweep.errors import ConfigError, SweepError
from vggsweep.results.disk.confirmation import (
    ChosenNetwork,
    Confirmation,
    confirmations_of,
    read_confirmation,
)
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.record import Record
from vggsweep.results.disk.sweep_file import SavedSpec
from vggsweep.results.findings.chosen import Choice, key_of
from vggsweep.results.findings.comparison import different_fields, values_in_words
from vggsweep.sweep.application import Application
from vggsweep.sweep.recovery.reading import read_study
from vggsweep.sweep.recovery.study_edits import refuse_while_at_work
from vggsweep.sweep.spec.composer import Composer
from vggsweep.sweep.spec.saved_spec import read_saved
from vggsweep.sweep.storage.study import close_study
from vggsweep.sweep.storage.trial_attrs import attrs_of

ENDING = "-confirm"
# Words of the search that say what it looks for and how; the confirmation says that by itself.
OF_THE_SEARCH = ("pruner", "space", "hydra")
ONLY_OF_THE_SEARCH = ("sweep.allow_sampler", "sweep.detach")
# What may be typed: how networks are trained is the search's, where and by how many workers is not.
FREE_WORDS = (
    *(f"sweep.{name}=" for name in ("n_workers", "timeout", "trial_timeout", "lease", "storage", "detach")),
    *("device=", "logger=", "logger.", "hydra/launcher=", "hydra.launcher."),
)
# A refusal names so many fields.
MOST_FIELDS = 4


@dataclass(frozen=True)
class Search:
    """The sweep whose networks are confirmed.

    Args:
        directory: its own.
        saved: what it was told.
    """

    directory: SweepDirectory
    saved: SavedSpec

    @property
    def flags(self) -> tuple[str, ...]:
        """What its command had besides overrides, as far as it decides a configuration."""
        typed = get_args_parser().parse_known_args(shlex.split(self.saved.command)[1:])[0]
        found = {"--config-dir": typed.config_dir, "--config-name": typed.config_name}
        return tuple(text for name, value in found.items() if value for text in (name, value))


def open_search(directory: SweepDirectory) -> Search:
    """Look at a sweep that is to be confirmed.

    Raises:
        ConfigError: it is none of our own sweeps, or confirms another one.
        SweepError: what it was told is lost.
    """
    own = read_confirmation(directory.confirmation)
    if own is not None:
        raise ConfigError(
            f"{directory.name} confirms {own.sweep}: `vggsweep confirm {shlex.quote(own.sweep)}` continues "
            "it. Networks are chosen from a search."
        )
    if (saved := read_saved(directory)) is None:
        if directory.settings.exists():
            raise SweepError(
                f"{directory.settings} is damaged, and with it the words that train its networks. Type the "
                "sweep's own command once, which writes it anew."
            )
        raise ConfigError(
            f"{directory.path} holds single runs, or trials of one of Hydra's own sweepers, and confirm "
            "trains what a sweep of vggsweep's own found: `vggsweep -m …` without hydra/sweeper=…"
        )
    return Search(directory, saved)


def refuse_running(search: Search) -> None:
    """Refuse to choose among networks that are still being trained.

    Raises:
        SweepError: a worker of the search is alive on this host.
    """
    name = search.directory.name
    try:
        refuse_while_at_work(search.directory)
    except SweepError:
        raise SweepError(
            f"{name} is still running, so that its best networks are not known yet. Wait for its end: "
            f"`vggsweep status {shlex.quote(name)}` shows how far it is."
        ) from None


def begin_confirmation(
    search: Search, choice: Choice, records: Sequence[Record], *, name: str, seeds: int, words: Sequence[str]
) -> Confirmation:
    """Decide what a confirmation trains; nothing is written.

    Args:
        search: the sweep that was searched.
        choice: its networks.
        records: all of its records, whose seeds are used up.
        name: of the new sweep.
        seeds: per network.
        words: further overrides, such as ``n_workers=2``.

    Raises:
        ConfigError: a network's words lead to another configuration by now, or its data have no test split.
    """
    networks = tuple(
        replace(one, point=point) for one, point in zip(choice.networks, _points(search, choice), strict=True)
    )
    first_seed = max(_used_seeds(search, records), default=-1) + 1
    own = _own_words(networks, name, first_seed, seeds)
    decided = {one.key_or_group for one in parse(own)} | {*ONLY_OF_THE_SEARCH}
    kept = [
        text
        for text, one in zip(search.saved.words, parse(search.saved.words), strict=True)
        if one.key_or_group not in decided
        and one.key_or_group.replace("/", ".").partition(".")[0] not in OF_THE_SEARCH
    ]
    found = Confirmation(
        sweep=search.directory.name,
        rule=choice.rule,
        accuracy=choice.accuracy,
        chosen=networks,
        first_seed=first_seed,
        top=choice.top,
        named=choice.named,
        seeds=seeds,
        words=_with(kept + own, words),
        flags=search.flags,
        begun=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    _check_networks(found, choice.records)
    return found


def check_words(words: Sequence[str]) -> list[str]:
    """The overrides of a person, short names spelt out.

    Raises:
        ConfigError: one of them would train other networks than the search did.
    """
    spelt = expand_aliases(words)
    parse(spelt)
    for text in spelt:
        if not text.lstrip("+").startswith(FREE_WORDS):
            raise ConfigError(
                f"{text} cannot be set here: networks are confirmed as the search trained them. What may be "
                "set is where and by how many workers: n_workers=4, device=cuda, hydra/launcher=slurm."
            )
    return spelt


def application_of(confirmation: Confirmation, words: Sequence[str] = ()) -> Application:
    """The sweep that trains the chosen networks, as a line that is to be run.

    Args:
        confirmation: what it was begun with.
        words: overrides that may change when a sweep continues.
    """
    all_words = _with(confirmation.words, words)
    extra_dir, config_name = _places(confirmation.flags)
    return Application(
        all_words,
        is_sweep=True,
        command=shlex.join(["vggsweep", "-m", *confirmation.flags, *all_words]),
        extra_dir=extra_dir,
        config_name=config_name,
    )


def _with(words: Sequence[str], further: Sequence[str]) -> tuple[str, ...]:
    """Words with others in the place of those that set the same.

    >>> _with(["seed=1", "device=cpu"], ["device=cuda"])
    ('seed=1', 'device=cuda')
    """
    typed = {one.key_or_group for one in parse(further)}
    kept = (text for text, one in zip(words, parse(words), strict=True) if one.key_or_group not in typed)
    return (*kept, *further)


def _places(flags: Sequence[str]) -> tuple[Path | None, str]:
    given = dict(zip(flags[::2], flags[1::2], strict=True))
    extra_dir = given.get("--config-dir")
    return None if extra_dir is None else Path(extra_dir), given.get("--config-name", "config")


def _points(search: Search, choice: Choice) -> list[dict[str, Any]]:
    """The overrides of each network beyond those that all trials have, without its seed.

    Raises:
        ConfigError: the study knows nothing of a network's trial.
    """
    study = read_study(search.directory, search.saved.storage)
    try:
        attrs = {trial.number: attrs_of(trial) for trial in study.get_trials(deepcopy=False)}
    finally:
        close_study(study)
    points = []
    for record in choice.records:
        if (found := attrs.get(record.trial)) is None:
            name = search.directory.name
            raise ConfigError(
                f"{name} has a record of trial {record.trial}, of which its study knows nothing, so that it "
                f"may be another sweep's. Take {search.directory.trial(record.trial).path} away, or let "
                f"`vggsweep repair {shlex.quote(name)}` tell the study of it."
            )
        points.append(
            {one.get_key_element(): one.value() for one in parse(found.words) if one.key_or_group != "seed"}
        )
    return points


def _used_seeds(search: Search, records: Sequence[Record]) -> set[int]:
    """Every seed that the search, or an earlier confirmation of it, trained with or may train with."""
    first = int((search.saved.fingerprint or {}).get("seed", 0))
    used = set(range(first, first + search.saved.replicates))
    used |= {seed for one in records if isinstance(seed := one.configuration.get("seed"), int)}
    for _, earlier in confirmations_of(search.directory.path):
        used |= set(range(earlier.first_seed, earlier.first_seed + earlier.seeds))
    return used


def _own_words(networks: Sequence[ChosenNetwork], name: str, first_seed: int, seeds: int) -> list[str]:
    points = [network.point for network in networks]
    shared = {
        key: value
        for key, value in points[0].items()
        if all(key in point and point[key] == value for point in points)
    }
    # without a part's name there is no configuration at all
    base = {key: value for key, value in points[0].items() if key in shared or key in TARGET_FIELDS}
    items = [{key: value for key, value in point.items() if key not in shared} for point in points]
    if len(points) == 1:  # nothing differs, and the network should be seen in the table nevertheless
        base, items = {}, points  # type: ignore[assignment]
    return [
        *(word(key, value) for key, value in base.items()),
        "pruner=none",
        "space.params=null",
        "space.hook=null",
        word("sweep.enqueue", items),
        word("sweep.replicates", seeds),
        word("sweep.n_trials", seeds * len(networks)),
        *(f"sweep.{field}=null" for field in ("fair_lr", "stop", "keep", "warm_start", "prior", "timeout")),
        word("seed", first_seed),
        "train.keep_weights=true",
        "train.evaluate_test=false",
        "hydra/sweeper/sampler=random",  # it has nothing to draw
        word("sweep.name", name),
    ]


def _check_networks(confirmation: Confirmation, records: Sequence[Record]) -> None:
    """Refuse words that lead elsewhere by now, other data, and data without a sealed test set.

    Raises:
        ConfigError: naming the fields that differ, or what is missing.
    """
    own = [text for text in confirmation.words if not text.startswith(("hydra", "sweep.enqueue="))]
    extra_dir, config_name = _places(confirmation.flags)
    composer, fingerprints = Composer(tuple(own), extra_dir, config_name), Fingerprints()
    for network, record in zip(confirmation.chosen, records, strict=True):
        words = [word(key, value) for key, value in network.point.items()]
        fixed = {one.get_key_element() for one in parse(own)}
        words = [one for one in words if not (one.startswith("+") and one.partition("=")[0] in fixed)]
        plain = composer.compose(words)
        if key_of(plain) != network.key:
            now = replace(record, configuration=plain)
            fields = [one for one in different_fields([record], [now]) if one.name != "seed"]
            shown = ", ".join(
                f"{one.name} ({values_in_words(one.a)}, now {values_in_words(one.b)})"
                for one in fields[:MOST_FIELDS]
            )
            raise ConfigError(
                f"Trial {record.trial} of {confirmation.sweep} was trained with settings to which its words "
                f"lead no more: {shown or 'of an earlier release'}. Put the defaults or files that changed "
                "back as they were."
            )
        configuration = read_configuration(plain)
        check_configuration(configuration)
        opens_test = record.configuration["train"].get("evaluate_test")  # then the test images count as well
        taken = fingerprints.of({**plain, "train": {**plain["train"], "evaluate_test": opens_test}})
        if record.data_fingerprint not in (None, taken.digest):
            raise ConfigError(
                f"The data of {confirmation.sweep} changed since trial {record.trial} was trained, so that "
                "new trainings would confirm nothing of it. Put the data back as they were, or search again "
                "with these."
            )
        if configuration.dataset.validation == "test":
            raise ConfigError(
                f"dataset.validation=test: the test images validated every network of {confirmation.sweep}, "
                "so that none are held out to confirm them. A sweep with dataset.validation=split can be "
                "confirmed."
            )
        check_test_split(configuration.dataset)
