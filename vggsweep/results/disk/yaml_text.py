"""YAML that a person reads and Hydra reads back, written by libyaml: ten times faster than in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

# Both exist in C where PyYAML was built with libyaml, as its wheels are.
_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Words that OmegaConf's loader takes for numbers, besides those that begin like one.
NUMBERS = ("nan", "inf", "infinity")


class _Dumper(_Base):  # type: ignore[misc]
    """Quotes texts that read as numbers: for OmegaConf 1e-3 is one, for PyYAML it is not."""


def _text(dumper: Any, text: str) -> Any:
    is_like_number = text[:1] in "+-.0123456789" or text.lower() in NUMBERS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if is_like_number else None)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(tuple, lambda dumper, items: dumper.represent_list(items))


def read_yaml(path: Path) -> Any:
    """What a file of ours holds; None where it is missing, or damaged."""
    try:
        loader = _Loader(path.read_bytes())
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (OSError, ValueError, yaml.YAMLError):
        return None


def yaml_text(value: Any) -> str:
    """Plain values as YAML, keys in their order.

    >>> print(yaml_text({"optimizer": {"lr": 1e-05, "name": "sgd"}, "seed": "1e-3"}), end="")
    optimizer:
      lr: 1.0e-05
      name: sgd
    seed: '1e-3'
    """
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False)
    assert isinstance(text, str)
    return text
