"""The README says what is true: its code runs, its commands exist, its map is the house."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md",
         *(f"docs/{page}.md" for page in ("access", "api", "deploying", "mcp", "python", "running", "signin", "warehouses"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    """Every `penstock ...` line of the shell blocks of all pages, and those in their text, as words."""
    lines = []
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        lines += [line for block in blocks("(?:sh|console|bash)", text) for line in block.splitlines() if line.startswith("penstock ")]
        lines += re.findall(r"`(penstock [a-z][^`]*)`", text)
    return [shlex.split(line, comments=True) for line in lines]


def test_readme_is_short_and_shows_code_early():
    lines = README.splitlines()
    assert len(lines) < 150
    assert next(n for n, line in enumerate(lines) if line.startswith("```python")) < 75
    assert next(n for n, line in enumerate(lines) if line.startswith("```sh")) < 50


def test_the_python_is_eight_lines():
    [block] = blocks("python")
    assert len([line for line in block.splitlines() if line.strip()]) <= 8


@pytest.mark.slow
def test_the_python_runs_and_prints_what_is_written_under_it(home):
    [block] = blocks("python")
    done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, timeout=200, check=False,
                          env={**os.environ, "PENSTOCK_HOME": str(home)})
    assert done.returncode == 0, done.stderr
    promised = re.findall(r"^#> (.*)$", block, re.MULTILINE)
    assert promised
    assert all(line in done.stdout.splitlines() for line in promised), done.stdout


def test_the_commands_that_need_no_server_run_one_after_the_other(home):
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.split()[0] == "penstock"]
    quick = [line for line in lines if line.split()[1] not in ("run", "backfill", "status", "cancel")]
    assert len(quick) >= 7
    script = "\n".join(["set -e", f'penstock() {{ {shlex.quote(sys.executable)} -m flows.cli "$@"; }}', *quick])
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=200, check=False,
                          env={**os.environ, "PENSTOCK_HOME": str(home), "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    for promise in ("valid", "reads table orders", "Nothing was written", "Germany", "customers", "generic.extract"):
        assert promise in done.stdout


def test_the_sql_of_the_run_book_runs_as_it_is_printed(home):
    from flows import Penstock

    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    asked = [sql for block in re.findall(r"^```sql\n(.*?)^```", page, re.MULTILINE | re.DOTALL) for sql in block.split(";") if sql.strip()]
    assert len(asked) == 2
    for sql in asked:
        assert Penstock().query(sql).to_pylist() == []  # no run yet: it is the statement that is tried


def steady(text: str) -> str:
    """Without what differs from run to run: ids, seconds, ports, colours, columns' widths."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"run-\d{8}-\d{6}-\w+", "run-ID", text)
    text = re.sub(r"\d+\.\d+ s\b", "T s", text)
    text = re.sub(r"http://127\.0\.0\.1:\d+/runs/flow-run/[\w-]+", "ADDRESS", text)
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


@pytest.mark.slow
def test_the_demo_says_what_the_readme_shows(home):
    [shown] = blocks("console")
    done = subprocess.run([sys.executable, "-m", "flows.cli", "demo"], capture_output=True, text=True, timeout=200, check=False,
                          env={**os.environ, "PENSTOCK_HOME": str(home)})
    assert done.returncode == 0, done.stderr
    said = steady(done.stdout).splitlines()
    for line in steady(shown).splitlines():
        if line and not line.startswith("$"):
            assert any(heard == line or ("…" in line and heard.startswith(line.split("…")[0].strip())) for heard in said), line


def test_every_command_and_option_exists():
    import click

    from flows.cli.root import penstock

    found = commands()
    assert len(found) > 10
    for _, name, *words in found:
        command = penstock.get_command(click.Context(penstock), name)
        assert command is not None, name
        if isinstance(command, click.Group) and words and not words[0].startswith("-"):
            group, command = command, command.get_command(click.Context(command), words[0])
            command = command or group.get_command(click.Context(group), "start")  # `penstock backfill FILE` starts one
            assert command is not None, f"{name} {words[0]}"
        known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
        assert {word.split("=")[0] for word in words if word.startswith("--")} <= known, f"penstock {name} {words}"


def test_the_readme_names_every_command():
    from flows.cli.root import COMMANDS

    assert set(COMMANDS) <= {name for _, name, *_ in commands()} | {"up", "demo"}
    assert {"make demo", "make up", "make test"} <= set(re.findall(r"make [a-z]+", README))


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        named = re.findall(r"`make ([a-z]+)`", text) + re.findall(r"^make ([a-z]+)", text, re.MULTILINE)
        assert set(named) <= targets, page


@pytest.mark.parametrize("name", PAGES)
def test_links_and_files_exist(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    here = (ROOT / name).parent
    missing = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link and not (here / link).exists()]
    paths = re.findall(r"`((?:flows|app|tests|configs|benchmarks|\.ci)/[\w./-]+)`", text)
    missing += [path for path in paths if not (ROOT / path).exists()]
    assert missing == []


def first_sentence(path: Path) -> str:
    told = ast.get_docstring(ast.parse((path / "__init__.py" if path.is_dir() else path).read_text(encoding="utf-8"))) or ""
    return " ".join(told.split("\n\n")[0].split())


def rooms() -> list[tuple[str, str]]:
    between = README.split("<!-- rooms:begin -->")[1].split("<!-- rooms:end -->")[0]
    return re.findall(r"^\| `([^`]+)` \| (.*?) \|$", between, re.MULTILINE)


def test_the_map_says_what_the_modules_say():
    told = rooms()
    assert [(place, first_sentence(ROOT / place)) for place, _ in told] == told


def test_the_map_shows_every_room():
    there = {f"flows/{path.name}" if path.is_file() else f"flows/{path.name}/" for path in (ROOT / "flows").iterdir()
             if path.name not in ("__pycache__", "__init__.py", "py.typed")}
    assert {place for place, _ in rooms() if place.startswith("flows/")} == there


def test_the_map_goes_from_the_roof_down():
    from tests.test_house import FLOOR

    floors = [FLOOR[place.removeprefix("flows/").removesuffix("/").removesuffix(".py")] for place, _ in rooms() if place != "app/"]
    assert floors == sorted(floors, reverse=True)
