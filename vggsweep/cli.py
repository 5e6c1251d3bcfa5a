"""The ``vggsweep`` command: a Hydra application, or one of the named verbs.

    vggsweep VERB …          a bare first word: `vggsweep.verbs`
    vggsweep [OVERRIDES]     `vggsweep.sweep.application`, which checks the line and lets Hydra run it

Only what the line needs is imported: ``--help`` and tab completion never load torch.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import io
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from vggsweep.errors import EXIT_INTERRUPTED, EXIT_USAGE, ConfigError, Stopped, VggsweepError, near_match
from vggsweep.streams import check_output, make_lossy
from vggsweep.training.interruption import EarlySignal
from vggsweep.visible import never_fail_to_print, show

VERBS = (
    *("list", "summary", "plan", "status", "table", "pareto", "compare", "fit", "report", "measure"),
    "dashboard",
    *("weights", "evaluate", "predict", "export"),
    *("rerun", "reproduce", "repair", "clean", "rm", "doctor"),
)
# What other programs have verbs for, and how it is asked for here.
ASKED_OTHERWISE = {
    "help": "`vggsweep --help` shows all groups and fields, `vggsweep VERB --help` a verb.",
    "version": "`vggsweep --version` tells it.",
    **dict.fromkeys(
        ("train", "run"), "Overrides alone train a network, with no verb before them: `vggsweep arch.depth=8`"
    ),
    "sweep": "A sweep is -m before what varies: `vggsweep -m arch.depth=4,6,8`",
}
# Hydra's flag and name for it; ours answers in a fraction of the time.
SHELL_COMPLETION = ("-sc", "--shell-completion")
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
        if set(words) & set(SHELL_COMPLETION):
            code = run_completion([word for word in words if word not in SHELL_COMPLETION])
        else:
            code = run_verb(words[0], words[1:]) if words and is_bare_word(words[0]) else run_hydra(words)
    except VggsweepError as error:
        code = refuse(error)
    except Stopped as stopped:
        show(f"\n{stopped}", sys.stderr)
        code = EXIT_INTERRUPTED
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
        advice = ASKED_OTHERWISE.get(verb) or near_match(verb, VERBS)
        show(f"vggsweep: {verb!r} is neither a verb nor an override such as key=value. {advice}", sys.stderr)
        return EXIT_USAGE
    module = import_module(f"vggsweep.verbs.{verb}")
    prepare = getattr(module, "prepare_words", list)
    code = module.run(verb_parser(verb).parse_intermixed_args(prepare(words)))
    if isinstance(code, list):  # the words of a line, which only Hydra can run
        return run_hydra(code)
    assert isinstance(code, int)
    check_output()
    return code


def verb_parser(verb: str) -> argparse.ArgumentParser:
    """The parser of one verb's words."""
    module = import_module(f"vggsweep.verbs.{verb}")
    parser = argparse.ArgumentParser(
        prog=f"vggsweep {verb}",
        description=module.HELP,
        epilog=module.EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.error = partial(refuse_verb_line, verb)  # type: ignore[method-assign]
    module.add_arguments(parser)
    return parser


def run_hydra(words: Sequence[str]) -> int:
    """Answer what Hydra answers by itself, or check the line and run it."""
    import hydra
    from hydra._internal.utils import get_args_parser
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from vggsweep.configuration.locate import config_dir
    from vggsweep.configuration.refusal import first_paragraph

    parser = get_args_parser()
    parser.error = refuse_flags  # type: ignore[method-assign]
    arguments = parser.parse_intermixed_args(list(words))
    if arguments.help:
        return show_help(arguments)
    is_inspection = arguments.hydra_help or arguments.cfg or arguments.info
    if is_inspection:
        check_inspection(arguments)
    elif not arguments.resolve:  # which Hydra refuses by itself
        if sys.stderr.isatty():  # composing the line and importing torch take some seconds
            print("starting", file=sys.stderr)
        return run_line(arguments, words)
    sys.argv = ["vggsweep", *words]
    try:
        show_masked(hydra.main(config_path=str(config_dir()), config_name="config")(lambda config: None))
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise ConfigError(first_paragraph(error)) from error
    return 0


def run_line(arguments: Any, words: Sequence[str]) -> int:
    """Check a line that trains, and run it.

    Args:
        arguments: the words as Hydra's parser reads them.
        words: as typed.

    Returns:
        The exit code.

    Raises:
        Stopped: a signal arrived.
        VggsweepError: the line cannot work, or its run failed.
    """
    from hydra._internal.utils import run_and_report

    from vggsweep.sweep.application import Application

    for flag in ("config_path", "experimental_rerun"):
        if getattr(arguments, flag):
            raise ConfigError(
                f"--{flag.replace('_', '-')} would leave our configurations aside. --config-dir DIR adds "
                "options of your own to them, and the same command continues a run."
            )
    application = Application(
        tuple(arguments.overrides),
        is_sweep=arguments.multirun,
        command=shlex.join(["vggsweep", *words]),
        extra_dir=Path(arguments.config_dir) if arguments.config_dir else None,
        config_name=arguments.config_name or "config",
    )
    checked = application.check()

    def run() -> object:
        try:
            return application.run(checked, configures_logging=True)
        except VggsweepError as error:
            return error

    end = run_and_report(run)  # of our own faults Hydra shows the part of the traceback that matters
    if isinstance(end, VggsweepError):
        raise end
    if application.is_sweep:
        return int(end.exit_code)
    from vggsweep.sweep.hydra_task import closing_block

    show(closing_block(end.record, end.directory))
    return 0


def show_help(arguments: Any) -> int:
    """Print all groups and fields, or what the words after ``--help`` name."""
    from vggsweep.configuration.help_page import help_page

    print(help_page(arguments.overrides, Path(arguments.config_dir) if arguments.config_dir else None))
    check_output()
    return 0


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
    """argparse's refusal of a verb's words, with the nearest flag and where all are listed."""
    from vggsweep.completion.candidates import VERBS_FOLDER, verb_syntax

    advice = f"`vggsweep {verb} --help` lists what it takes."
    flag = re.search(r"unrecognized arguments: --([a-z-]+)", message)
    known = [name.removeprefix("--") for name in verb_syntax(VERBS_FOLDER / f"{verb}.py")[0]]
    if flag is not None and (close := difflib.get_close_matches(flag[1], known)):
        raise ConfigError(f"{message}. Did you mean '--{close[0]}'? {advice}")
    refuse_flags(message, advice)


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


def run_completion(words: Sequence[str]) -> int:
    """``-sc install=SHELL``, ``-sc uninstall=SHELL``, or what may follow the line in COMP_LINE."""
    from vggsweep.completion import candidates, shells

    what, _, shell = (words[0] if len(words) == 1 else "").partition("=")
    known = {"install": shells.INSTALL, "uninstall": shells.UNINSTALL, "query": shells.INSTALL}
    if shell not in known.get(what, ()):
        commands = ", ".join(f"{name}: {command}" for name, command in shells.COMMANDS.items())
        raise ConfigError(f"-sc installs tab completion, by one line for each shell. {commands}")
    if what == "query":
        for word in candidates.complete(os.environ.get("COMP_LINE", ""), VERBS):
            print(word)  # where there is none, not even a line: the shell offers files then
    else:
        print(known[what][shell], end="")
    return 0


def check_inspection(arguments: Any) -> None:
    """Refuse wrong overrides of ``--cfg`` and ``--info`` in our words; none cost nothing."""
    if arguments.multirun or not arguments.overrides:
        return
    from vggsweep.configuration.compose import compose

    extra_dir = Path(arguments.config_dir) if arguments.config_dir else None
    compose(arguments.overrides, extra_dir=extra_dir, config_name=arguments.config_name or "config")


if __name__ == "__main__":
    main()
