"""The checkout itself: pins that cover what is asked for, targets that exist, a folder that may move."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TARGETS = {"help", "up", "demo", "test", "lint", "bench", "clean", "lock", "pictures"}


def pins(name: str) -> dict[str, list[tuple[str, Marker | None]]]:
    """Package -> its versions with the marker each is for; fails for a line without a hash."""
    found: dict[str, list[tuple[str, Marker | None]]] = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8").strip()):
        line, *hashes = (part.strip(" \\\n") for part in entry.split("--hash="))
        assert hashes, f"{name}: {line} has no hash"
        asked = Requirement(line)
        [spec] = asked.specifier
        assert spec.operator == "==", line
        found.setdefault(canonicalize_name(asked.name), []).append((spec.version, asked.marker))
    return found


def wanted() -> list[Requirement]:
    groups = [PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()]
    return [Requirement(text) for group in groups for text in group]


def test_every_requirement_is_pinned_within_its_bounds():
    pinned = pins("constraints.txt")
    for asked in wanted():
        for version, _ in pinned[canonicalize_name(asked.name)]:
            assert version in asked.specifier, f"{asked.name} {version}"


def test_the_emulator_has_pins_of_its_own():
    pinned = pins("constraints-bq.txt")
    for line in (ROOT / ".ci/bq.in").read_text(encoding="utf-8").split():
        asked = Requirement(line)
        assert all(version in asked.specifier for version, _ in pinned[canonicalize_name(asked.name)])


@pytest.mark.parametrize("python", ["3.11.2", "3.11.9", "3.12.7", "3.13.1"])
def test_one_version_of_each_package_for_each_python(python):
    env = {"python_version": python.rpartition(".")[0], "python_full_version": python, "sys_platform": "linux"}
    for name, versions in pins("constraints.txt").items():
        fitting = [version for version, marker in versions if marker is None or marker.evaluate(env)]
        assert len(fitting) <= 1, (name, fitting)


def test_the_makefile_says_what_it_can():
    said = subprocess.run(["make", "-C", str(ROOT), "--no-print-directory", "help"], capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in said.splitlines()} == TARGETS
    assert all(len(line.split()) > 3 for line in said.splitlines())


@pytest.mark.parametrize("script", ["install", "lock", "peers", "run", "test"])
def test_scripts_can_be_called(script):
    path = ROOT / ".ci" / script
    assert path.stat().st_mode & 0o111
    assert path.read_text(encoding="utf-8").startswith("#!/bin/")
    subprocess.run(["bash" if script == "run" else "sh", "-n", str(path)], check=True)


INSTALL = """#!/bin/sh
cd "$(dirname "$0")/.."
mkdir -p .venv && echo "$(pwd -P)/.venv" > .venv/.at && echo "$0 $*" >> installs
"""


def test_what_is_installed_is_installed_once_and_again_after_a_move(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    (first / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", first)
    for name in ("pyproject.toml", "constraints.txt", ".ci/indexes"):
        (first / name).touch()
    (first / ".ci/install").write_text(INSTALL, encoding="utf-8")
    (first / ".ci/install").chmod(0o755)

    def installs(place: Path, stamp: str = ".venv/.core") -> int:
        subprocess.run(["make", "-C", str(place), stamp], capture_output=True, check=True)
        return len((place / "installs").read_text(encoding="utf-8").splitlines())

    assert [installs(first), installs(first)] == [1, 1]
    assert [installs(first, ".venv/.test"), installs(first)] == [2, 2]
    first.rename(second)
    assert [installs(second), installs(second)] == [3, 3]


def test_the_licence_is_apaches():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text.splitlines()[0]
    assert "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["project"]["license"] == "Apache-2.0"
