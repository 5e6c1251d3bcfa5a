"""Settings of the loggers, by the option of ``conf/logger/`` that chooses each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from vggsweep.configuration.secrets import check_address
from vggsweep.errors import ConfigError, near_match
from vggsweep.settings import read_settings

# What earlier releases put into every configuration; it named history.csv, which every trial writes anyhow.
EARLIER = {"name": "csv"}


@dataclass(frozen=True, kw_only=True)
class TensorBoardSettings:
    """Event files.

    Args:
        dir: where; None puts them into the directories of the trials.
    """

    dir: str | None


@dataclass(frozen=True, kw_only=True)
class MlflowSettings:
    """An MLflow server, or its files.

    Args:
        uri: of the tracking server or database; None takes MLFLOW_TRACKING_URI, else a file in ``outputs/``.
    """

    uri: str | None


@dataclass(frozen=True, kw_only=True)
class WandbSettings:
    """Weights & Biases.

    Args:
        project, entity: where the runs are shown; no entity means one's own.
        mode: ``offline`` writes files that `wandb sync` uploads later; None takes WANDB_MODE, else online.
    """

    project: str
    entity: str | None
    mode: Literal["online", "offline"] | None


@dataclass(frozen=True, kw_only=True)
class TrackioSettings:
    """Trackio.

    Args:
        project: under which its local page shows the runs.
    """

    project: str


@dataclass(frozen=True, kw_only=True)
class CustomLoggerSettings:
    """A logger of one's own.

    Args:
        target: dotted name of a class as `vggsweep.loggers.protocol.Logger` describes.
        options: keywords that it is made with.
    """

    target: str
    options: Any


LoggerSettings = TensorBoardSettings | MlflowSettings | WandbSettings | TrackioSettings | CustomLoggerSettings
LOGGERS: dict[str, type[LoggerSettings]] = {
    "tensorboard": TensorBoardSettings,
    "mlflow": MlflowSettings,
    "wandb": WandbSettings,
    "trackio": TrackioSettings,
    "custom": CustomLoggerSettings,
}
# Import name of what a logger needs; the extra that installs it is called as the logger.
PACKAGES = {name: name for name in LOGGERS if name != "custom"}


def read_loggers(node: Mapping[str, Any]) -> dict[str, LoggerSettings]:
    """Type the settings of the loggers that are chosen.

    Raises:
        ConfigError: there is no such logger, or a setting does not fit.

    >>> read_loggers({"mlflow": {"uri": None}})
    {'mlflow': MlflowSettings(uri=None)}
    """
    if node == EARLIER:
        return {}
    for name, fields in node.items():
        if name not in LOGGERS:
            raise ConfigError(f"logger.{name}: there is no such logger. {near_match(str(name), LOGGERS)}")
        if not isinstance(fields, Mapping):
            raise ConfigError(
                f"logger.{name}={fields} should be a group of fields; logger={name} chooses it."
            )
        if name == "custom" and fields.get("target") is None:
            raise ConfigError(
                "logger=custom needs the dotted name of a class, such as "
                "logger.custom.target=my_loggers.MyLogger."
            )
    return {name: read_settings(LOGGERS[name], fields, f"logger.{name}") for name, fields in node.items()}


def check_loggers(loggers: Mapping[str, LoggerSettings]) -> None:
    """Refuse a logger whose package is not installed, and a password in an address; imports nothing.

    Raises:
        ConfigError: with what installs it.
    """
    for name, settings in loggers.items():
        if name in PACKAGES and find_spec(PACKAGES[name]) is None:
            raise ConfigError(
                f"logger={name} needs a package that is not installed: pip install 'vggsweep[{name}]'"
            )
        if isinstance(settings, MlflowSettings):
            check_mlflow_address(settings.uri)


def check_mlflow_address(uri: str | None) -> None:
    """Refuse a password that is written out in ``logger.mlflow.uri``.

    Raises:
        ConfigError: with where MLflow takes it from.
    """
    check_address(
        uri,
        "logger.mlflow.uri",
        "Leave it out and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_URI",
    )
