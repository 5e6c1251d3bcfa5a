"""The ``vggsweep`` command: a Hydra application, or one of the named verbs.

    vggsweep VERB …          a bare first word: `vggsweep.verbs`
    vggsweep [OVERRIDES]     Hydra; the line is composed and checked first, so that a wrong one costs nothing

Only what the line needs is imported: ``--help`` and tab completion never load torch.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from vggsweep.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, ConfigError, VggsweepError, near_match
from vggsweep.streams import check_output, make_lossy
from vggsweep.training.interruption import EarlySignal
from vggsweep.visible import never_fail_to_print, show

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from vggsweep.configuration.line import Line

VERBS = ("summary", "plan", "status", "table", "pareto", "report", "rerun", "repair", "doctor")
# The others are told sweeps.
VERBS_WITH_OVERRIDES = ("summary", "plan")
VERBS_WITHOUT_SWEEPS = ("doctor",)
FULL_ERROR = "HYDRA_FULL_ERROR"


def main() -> None:
    """Entry point of the console script."""
    # before training begins SIGTERM ends as Ctrl-C does; a trial handles both by itself
    EarlySignal().install()
    make_lossy()
    never_fail_to_print()
    words = sys.argv[1:]
    if "--debug" in words:
        words = [word for word in words if word != "--debug"]
        os.environ[FULL_ERROR] = "1"
    try:
        if words == ["--version"]:
            from vggsweep import __version__

            return print(f"vggsweep {__version__}")
        code = run_verb(words[0], words[1:]) if words and is_bare_word(words[0]) else run_hydra(words)
    except VggsweepError as error:
        code = refuse(error)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    sys.exit(code)


def is_bare_word(word: str) -> bool:
    """Whether a first word names a verb rather than an override or a flag.

    >>> is_bare_word("table"), is_bare_word("arch=vgg16"), is_bare_word("-m"), is_bare_word("~augment")
    (True, False, False, False)
    """
    return bool(word) and "=" not in word and word[0] not in "+~-"


def refuse(error: VggsweepError) -> int:
    """Print one paragraph, with a traceback only when asked for."""
    if os.environ.get(FULL_ERROR) == "1":
        import traceback

        text = "".join(traceback.format_exception(error)).rstrip()
    else:
        text = f"vggsweep: {error}"
    from vggsweep.configuration.secrets import masked

    show(masked(text), sys.stderr)
    return error.exit_code


def run_verb(verb: str, words: Sequence[str]) -> int:
    """Run one verb and return its exit code."""
    if verb not in VERBS:
        show(
            f"vggsweep: {verb!r} is neither a verb nor an override such as key=value. "
            f"{near_match(verb, VERBS)}",
            sys.stderr,
        )
        return EXIT_USAGE
    module = import_module(f"vggsweep.verbs.{verb}")
    parser = argparse.ArgumentParser(
        prog=f"vggsweep {verb}",
        description=module.HELP,
        epilog=module.EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.error = partial(refuse_verb_line, verb)  # type: ignore[method-assign]
    module.add_arguments(parser)
    prepare = getattr(module, "prepare_words", list)
    code = module.run(parser.parse_intermixed_args(prepare(words)))
    if isinstance(code, list):  # the words of a line, which only Hydra can run
        return run_hydra(code)
    assert isinstance(code, int)
    check_output()
    return code


def run_hydra(words: Sequence[str]) -> int:
    """Check the line, then hand it to Hydra."""
    import hydra
    from hydra._internal.utils import get_args_parser
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from vggsweep.configuration.locate import config_dir
    from vggsweep.configuration.refusal import first_paragraph
    from vggsweep.sweep.command_line import remember

    parser = get_args_parser()
    parser.error = refuse_flags  # type: ignore[method-assign]
    arguments = parser.parse_intermixed_args(list(words))
    is_inspection = arguments.help or arguments.hydra_help or arguments.cfg or arguments.info
    if is_inspection:
        check_inspection(arguments)
    elif not arguments.shell_completion:
        if sys.stderr.isatty():  # composing the line and importing torch take some seconds
            print("starting", file=sys.stderr)
        remember(words)
        words = check_line(arguments, list(words))
    elif not arguments.overrides:
        raise ConfigError('-sc installs tab completion: eval "$(vggsweep -sc install=bash)"')
    elif "COMP_LINE" in os.environ and complete_verb(os.environ["COMP_LINE"]):
        return 0
    sys.argv = ["vggsweep", *words]
    run = hydra.main(config_path=str(config_dir()), config_name="config")(task)
    if is_inspection or arguments.shell_completion or arguments.resolve:
        try:
            show_masked(run)
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            raise ConfigError(first_paragraph(error)) from error
        return 0
    run()
    return _end_of_stock_sweep(words) if arguments.multirun else 0


def show_masked(inspect: Callable[[], None]) -> None:
    """Print what Hydra shows of a configuration, without the passwords of its addresses."""
    from vggsweep.configuration.secrets import masked

    text = io.StringIO()
    try:
        with contextlib.redirect_stdout(text):
            inspect()
    finally:
        sys.stdout.write(masked(text.getvalue()))
    check_output()


def refuse_verb_line(verb: str, message: str) -> NoReturn:
    """argparse's refusal of a verb's words, with where they are listed."""
    refuse_flags(message, f"`vggsweep {verb} --help` lists what it takes.")


def refuse_flags(
    message: str, advice: str = "Fields are set with key=value; `vggsweep --hydra-help` lists the flags."
) -> NoReturn:
    """argparse's refusal as one paragraph instead of two screens of usage."""
    flag = re.search(r"unrecognized arguments: --?([A-Za-z][\w.-]*)(?:[= ](\S+))?", message)
    if flag is not None:
        from vggsweep.configuration.compose import field_of_flag

        if (field := field_of_flag(flag[1])) is not None:
            raise ConfigError(f"{message}. Fields are set without dashes: {field}={flag[2] or '…'}")
    raise ConfigError(f"{message}. {advice}")


def complete_verb(line: str) -> bool:
    """Tab completion of what Hydra does not know: verbs, and the sweeps that they read.

    Hydra takes a second completion plugin for bash as an error, so this comes before Hydra.

    Args:
        line: what was typed so far, from the program's name on (the shell's ``COMP_LINE``).

    Returns:
        Whether all is said; otherwise Hydra completes the overrides.
    """
    typed = line.split()[1:]
    is_new_word = line.endswith(" ")
    if not typed or (len(typed) == 1 and not is_new_word):
        start = typed[0] if typed else ""
        print(*(verb for verb in VERBS if verb.startswith(start)), sep="\n")
        return False
    if typed[0] not in VERBS:
        return False
    if typed[0] in VERBS_WITH_OVERRIDES:
        os.environ["COMP_LINE"] = " ".join(["vggsweep", *typed[1:]]) + " " * is_new_word
        return False
    if typed[0] in VERBS_WITHOUT_SWEEPS:
        return True
    from vggsweep.results.disk.layout import existing_sweeps

    start = "" if is_new_word else typed[-1]
    print(*(name for name in existing_sweeps() if name.startswith(start)), sep="\n")
    return True


def check_inspection(arguments: Any) -> None:
    """Refuse wrong overrides of ``--help``, ``--cfg`` and ``--info`` in our words; none cost nothing."""
    if arguments.multirun or not arguments.overrides:
        return
    from vggsweep.configuration.compose import compose

    extra_dir = Path(arguments.config_dir) if arguments.config_dir else None
    compose(arguments.overrides, extra_dir=extra_dir, config_name=arguments.config_name or "config")


def check_line(arguments: Any, words: list[str]) -> list[str]:
    """Refuse a line that cannot work, before Hydra makes a directory.

    Returns:
        The words for Hydra, with the sweep's name and directory settled.
    """
    from vggsweep.configuration.line import check_run, check_sweep, read_line

    for flag in ("config_path", "experimental_rerun"):
        if getattr(arguments, flag):
            raise ConfigError(
                f"--{flag.replace('_', '-')} would leave our configurations aside. --config-dir DIR adds "
                "options of your own to them, and the same command continues a run."
            )
    extra_dir = Path(arguments.config_dir) if arguments.config_dir else None
    config_name = arguments.config_name or "config"
    if not arguments.multirun:
        own = check_run(arguments.overrides, extra_dir, config_name)
        _refuse_sweeps_directory([*arguments.overrides, *own])
        return words + own
    from vggsweep.sweep.workers.launchers import check_launcher

    check_launcher(arguments.overrides)
    line = read_line(arguments.overrides, extra_dir=extra_dir, config_name=config_name)
    if line.sweeper != "vggsweep":
        own = check_sweep(line, extra_dir, config_name)
        _refuse_sweeps_directory([*arguments.overrides, *own])
        return words + own
    return words + _check_order(line, extra_dir, config_name)


def _check_order(line: Line, extra_dir: Path | None, config_name: str) -> list[str]:
    """Check a sweep of ours as a whole."""
    from vggsweep.configuration.idle import warn_of_idle_words
    from vggsweep.configuration.schema import read_configuration
    from vggsweep.configuration.words import word
    from vggsweep.sweep.recovery.continuation import check_same_sweep
    from vggsweep.sweep.spec.preflight import checked_spec
    from vggsweep.sweep.workers.launchers import check_detach, choose_launcher

    order = checked_spec(line, extra_dir=extra_dir, config_name=config_name, command="")
    check_detach(line.hydra, order.settings)
    launcher = choose_launcher(line.words, line.hydra, order.settings.n_workers)
    check_same_sweep(order)
    warn_of_idle_words(read_configuration(order.base), line.parsed)
    return [word("sweep.name", order.name), *launcher]


def _end_of_stock_sweep(words: Sequence[str]) -> int:
    """The exit code of a sweep whose jobs Hydra ran: failed where not one of them completed."""
    from vggsweep.results.disk.layout import sweep_directory
    from vggsweep.results.tables.table import read_records

    names = [word.removeprefix("sweep.name=") for word in words if word.startswith("sweep.name=")]
    records, _ = read_records(sweep_directory(names[-1]).path) if names else ([], [])
    return EXIT_FAILED if names and not any(record.state == "COMPLETE" for _, record in records) else 0


def _refuse_sweeps_directory(overrides: Sequence[str]) -> None:
    """Refuse trials outside our sweeper in a directory of a sweep of ours, before Hydra makes one."""
    from vggsweep.configuration.words import parse
    from vggsweep.results.disk.layout import SINGLE_RUNS, sweep_directory
    from vggsweep.sweep.recovery.continuation import refuse_sweeps_directory

    names = [one.value() for one in parse(overrides) if one.key_or_group == "sweep.name"]
    refuse_sweeps_directory(sweep_directory(str(names[-1]) if names else SINGLE_RUNS))


def task(config: DictConfig) -> float:
    """Hydra's task function: train this configuration and return its validation accuracy.

    In a sweep a trial that fails returns NaN, so that the others go on; a single run ends the process
    with its exit code.
    """
    from vggsweep.sweep.hydra_task import train_job

    try:
        return train_job(config)
    except VggsweepError as error:  # Hydra would print a traceback
        raise SystemExit(refuse(error)) from error


if __name__ == "__main__":
    main()
