"""A skip is said out loud; with CI=1 a missing browser, PostgreSQL or emulator is a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = '''
import pytest

@pytest.mark.postgres
def test_peer():
    pytest.skip("PostgreSQL tests skipped: no binaries")

@pytest.mark.browser
@pytest.mark.skip(reason="browser tests skipped: no Chromium")
def test_page():
    pass

def test_unmarked_peer():
    pytest.skip("PostgreSQL tests skipped: no server")

def test_other():
    pytest.skip("needs more than this machine has")
'''
INI = "[pytest]\nmarkers =\n  postgres: p\n  browser: b\n  bigquery: q\n"


@pytest.mark.parametrize(("ci", "code", "said"), [
    ("", 0, ["PostgreSQL tests skipped: no binaries", "browser tests skipped: no Chromium",
             "PostgreSQL tests skipped: no server", "needs more than this machine has"]),
    ("1", 1, ["needs more than this machine has"]),
])
def test_a_missing_peer_is_told_and_fails_on_ci(tmp_path, ci, code, said):
    (tmp_path / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text(INI, encoding="utf-8")
    skips = tmp_path / "skips"
    done = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)], capture_output=True, text=True,
                          env={**os.environ, "CI": ci, "PENSTOCK_SKIPS": str(skips)}, check=False, timeout=100)
    assert done.returncode == code, done.stdout + done.stderr
    assert skips.read_text(encoding="utf-8").splitlines() == said
    if ci:
        assert "with CI=1 postgres must be here: PostgreSQL tests skipped: no binaries" in done.stdout
        assert "with CI=1 browser must be here" in done.stdout
        assert "with CI=1 postgres must be here: PostgreSQL tests skipped: no server" in done.stdout
