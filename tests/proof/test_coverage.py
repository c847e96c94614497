"""Every line of the trusted files is run by the tests of this folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from theorems.proof.report import TRUSTED

HERE = Path(__file__).parent
KERNEL = HERE.parent.parent / "theorems" / "proof" / "kernel"


@pytest.mark.slow
def test_every_trusted_line_is_run(tmp_path: Path) -> None:
    import coverage

    data = tmp_path / "coverage"
    tests = [str(p) for p in sorted(HERE.glob("test_*.py")) if p.name != Path(__file__).name]
    command = [sys.executable, "-m", "coverage", "run", f"--data-file={data}", f"--source={KERNEL}", "-m", "pytest"]
    done = subprocess.run(
        [*command, "-q", "-p", "no:cacheprovider", *tests],
        cwd=KERNEL.parent.parent.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    measured = coverage.Coverage(data_file=str(data), config_file=False)
    measured.load()
    measured.config.exclude_list = ["if TYPE_CHECKING:", "raise AssertionError"]
    missing = {name: measured.analysis2(str(KERNEL / name))[3] for name in TRUSTED}
    assert not any(missing.values()), missing
