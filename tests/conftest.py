"""What holds for every test: it writes nothing into the checkout and reads nothing of its user."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest

# a first call into torch can take longer than hypothesis' 200 ms an example and says nothing about our code
hypothesis.settings.register_profile("vggsweep", deadline=None)
hypothesis.settings.load_profile("vggsweep")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's current directory: `outputs/` appears here, and the data root lies in it.

    A test that wants another data root sets VGGSWEEP_DATA itself.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VGGSWEEP_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    return tmp_path
