"""The logger of each name; what it needs is imported when it is made."""

from __future__ import annotations

from vggsweep.configuration.logger_settings import (
    CustomLoggerSettings,
    LoggerSettings,
    MlflowSettings,
    TensorBoardSettings,
    TrackioSettings,
)
from vggsweep.importing import load_callable
from vggsweep.loggers.mlflow import MlflowLogger
from vggsweep.loggers.protocol import Logger
from vggsweep.loggers.tensorboard import TensorBoardLogger
from vggsweep.loggers.wandb import TrackioLogger, WandbLogger


def make_logger(settings: LoggerSettings) -> Logger:
    """The logger that settings are of; nothing is opened yet.

    Raises:
        ConfigError: one of a person's own cannot be loaded.
    """
    if isinstance(settings, TensorBoardSettings):
        return TensorBoardLogger(settings)
    if isinstance(settings, MlflowSettings):
        return MlflowLogger(settings)
    if isinstance(settings, TrackioSettings):
        return TrackioLogger(settings)
    if isinstance(settings, CustomLoggerSettings):
        own = load_callable(settings.target, "logger.custom.target", "my_loggers.MyLogger")
        logger: Logger = own(**settings.options)
        return logger
    return WandbLogger(settings)
