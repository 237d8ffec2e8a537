"""Opening a store: made once by whoever comes first, fast afterwards, refused in plain words."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from flows.errors import InputError, MissingPackage, PenstockError, UnreachableError
from flows.store import NewRun, Store, open_store
from flows.store.database import Database
from flows.store.migrate import FOLDER, migrate, version
from flows.store.schema import REVISIONS, VERSION_TABLE
from flows.store.tables import TABLES

OPENS = """
import sys
from flows.store import NewRun, open_store
import flows.store.database
print("ready", flush=True)
sys.stdin.readline()
store = open_store(sys.argv[1])
print(store.runs.submit(NewRun("demo", sys.argv[2], {})).status, flush=True)
"""


def test_four_processes_open_a_new_store_at_once(url: str, child: Any) -> None:
    openers = [child(OPENS, url, f"p{n}") for n in range(4)]
    assert [opener.hear() for opener in openers] == ["ready"] * 4
    for opener in openers:
        opener.tell("go")
    assert [opener.hear() for opener in openers] == ["PENDING"] * 4
    with open_store(url) as store:
        assert len(store.runs.open()) == 4


def test_the_migrations_make_exactly_the_tables_of_the_code(store: Store, url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with Database(url).read() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, TABLES) == []
        where = {"sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index'",
                 "postgresql": "SELECT indexname, indexdef FROM pg_indexes"}
        indexes = {name: sql for name, sql in connection.execute(text(where[store.kind])) if name == "runs_one_open"}
    assert "UNIQUE" in indexes["runs_one_open"]
    assert "PENDING" in indexes["runs_one_open"]


def test_the_code_knows_every_revision_in_order() -> None:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(FOLDER))
    assert [each.revision for each in reversed(list(script.walk_revisions()))] == list(REVISIONS)


def test_a_downgrade_to_nothing_and_back_works(url: str) -> None:
    from alembic import command
    from alembic.config import Config

    open_store(url).dispose()
    database, config = Database(url), Config()
    config.set_main_option("script_location", str(FOLDER))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with database.read() as connection:
        assert version(connection) == ""
    migrate(database)
    database.dispose()
    with open_store(url) as store:
        assert store.runs.open() == []


def test_a_store_that_is_newer_than_the_code_is_refused(store: Store, url: str) -> None:
    with Database(url).write() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(InputError, match=f"the control store has schema 9999, this Penstock knows {REVISIONS[-1]} at most"):
        open_store(url)
    with Database(url).read() as connection:
        assert version(connection) == "9999"


def test_tables_of_something_else_are_left_alone(url: str) -> None:
    with Database(url).write() as connection:
        connection.execute(text("CREATE TABLE runs (mine integer)"))
    with pytest.raises(InputError, match=r"tables of something else under our names\. Give Penstock a database of its own"):
        open_store(url)
    with Database(url).read() as connection:
        assert version(connection) == ""
        assert connection.execute(text("SELECT mine FROM runs")).all() == []


def test_a_store_at_head_opens_without_alembic(store: Store, url: str) -> None:
    code = f"import sys; from flows.store import open_store; open_store({url!r}); print({{'alembic', 'mako'}} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"


def test_naming_the_rows_costs_no_database_library() -> None:
    code = "import sys, flows.store; flows.store.NewRun; print('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_sqlite_runs_in_wal_with_foreign_keys(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/with space/a?b%20c/control.sqlite"
    open_store(url).dispose()
    assert (tmp_path / "with space" / "a?b%20c" / "control.sqlite").is_file()
    with Database(url).read() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "foreign_keys", "synchronous")]
        waits = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    assert found == ["wal", 1, 1]
    assert waits == 30_000


@pytest.mark.parametrize("url", ["", "control.sqlite", "sqlite://", "sqlite:///:memory:", "mysql://me:hush@h/d", "postgresql+asyncpg://me:hush@h/d",
                                 "postgresql://me:hush@h:port/d", "://me:hush@"])
def test_an_address_that_is_none_is_one_clear_error(url: str) -> None:
    with pytest.raises(InputError, match=r"PENSTOCK_CONTROL_URL: .* Use sqlite:///PATH or postgresql://") as refused:
        open_store(url)
    assert "hush" not in str(refused.value)


def silent_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("form", ["postgresql://ann:hush-hush@127.0.0.1:{port}/d", "postgres://ann@127.0.0.1:{port}/d?password=hush-hush"])
def test_a_postgresql_that_does_not_answer_is_said_without_the_password(form: str) -> None:
    with pytest.raises(UnreachableError, match="does not answer") as refused:
        open_store(form.format(port=silent_port()))
    error: BaseException | None = refused.value
    assert "ann@127.0.0.1" in str(error)
    assert refused.value.exit_code == 3
    assert "hush" not in f"{error} {error!r}"
    assert refused.value.__suppress_context__


@pytest.mark.postgres
def test_postgresql_says_why_it_lets_nobody_in(postgres: Any) -> None:
    for url in (postgres.url("nowhere"), f"postgresql://nobody-here:hush@127.0.0.1:{postgres.port}/postgres"):
        with pytest.raises(UnreachableError, match="does not exist") as refused:
            open_store(url)
        assert "hush" not in str(refused.value)


@pytest.mark.postgres
def test_postgresql_without_the_right_to_write_is_said(postgres: Any, postgres_url: str) -> None:
    role = f"reader{os.getpid()}"
    postgres.execute(f"CREATE ROLE {role} LOGIN")
    postgres.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC", postgres_url.rsplit("/", 1)[1])
    with pytest.raises(UnreachableError, match=r"may not be written\. Grant this user CREATE"):
        open_store(postgres_url.replace("postgres@", f"{role}@"))


@pytest.mark.postgres
def test_a_store_goes_on_when_postgresql_comes_back(postgres_of_own: Callable[[], Any]) -> None:
    server = postgres_of_own()
    with open_store(server.create()) as store:
        run = store.runs.submit(NewRun("demo", "orders", {}))
        server.stop()
        with pytest.raises(UnreachableError):
            store.runs.get("demo", run.run_id)
        with pytest.raises(UnreachableError):
            store.runs.claim("me", 60)
        server.start()
        assert store.runs.get("demo", run.run_id) == run


@pytest.mark.parametrize(("broken", "said"), [
    (lambda path: path.write_bytes(b"this is no database, " * 100), "this file is not a control store"),
    (lambda path: path.mkdir(), "the control store cannot be opened"),
])
def test_a_file_that_is_no_store_is_one_clear_error(tmp_path: Path, broken: Callable[[Path], Any], said: str) -> None:
    path = tmp_path / "control.sqlite"
    broken(path)
    with pytest.raises(UnreachableError, match=said) as refused:
        open_store(f"sqlite:///{path}")
    assert str(path) in str(refused.value)


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnreachableError, match="the folder of the control store cannot be made"):
        open_store(f"sqlite:///{tmp_path}/file/control.sqlite")


def test_what_this_python_lacks_is_said_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingPackage, match=r"pip install 'penstock\[postgres\]'"):
        open_store("postgresql://ann@127.0.0.1/d")
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(UnreachableError, match=r"needs SQLite 3\.35"):
        open_store(f"sqlite:///{tmp_path}/control.sqlite")


def test_a_full_disk_is_said_and_what_was_acknowledged_stays(tmp_path: Path) -> None:
    """SQLite's own page limit stands in for the disk: the same SQLITE_FULL."""
    url = f"sqlite:///{tmp_path}/control.sqlite"
    with open_store(url) as store:
        kept = store.runs.submit(NewRun("demo", "small", {}))
        with store._database.bare() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count={connection.exec_driver_sql('PRAGMA page_count').scalar()}")
        with pytest.raises(PenstockError, match=r"the disk of the control store is full\. Make room, then try again"):
            store.runs.submit(NewRun("demo", "large", {"text": "x" * 1_000_000}))
        assert [run.run_id for run in store.runs.open()] == [kept.run_id]


def test_a_writer_that_waits_too_long_may_try_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.errors import TransientError

    monkeypatch.setattr("flows.store.database.BUSY_SECONDS", 0.1)
    path = tmp_path / "control.sqlite"
    with open_store(f"sqlite:///{path}") as store:
        blocker = sqlite3.connect(path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientError, match=r"the control store is busy\. Try again"):
            store.runs.submit(NewRun("demo", "orders", {}))
        assert store.runs.open() == []  # readers do not wait
        blocker.execute("ROLLBACK")
        blocker.close()
        assert store.runs.submit(NewRun("demo", "orders", {})).status == "PENDING"


FORKS = """
import os, sys
from flows.store import NewRun, open_store
store = open_store(sys.argv[1])
store.runs.submit(NewRun("demo", "parent", {}))
for number in range(5):
    child = os.fork()
    if child == 0:
        for n in range(10):
            store.runs.submit(NewRun("demo", f"child-{number}-{n}", {}))
        os._exit(0)
    for n in range(10):
        store.runs.submit(NewRun("demo", f"parent-{number}-{n}", {}))
    assert os.waitpid(child, 0)[1] == 0
print(len(store.runs.open()), flush=True)
"""


def test_a_forked_process_uses_connections_of_its_own(url: str, child: Any) -> None:
    forking = child(FORKS, url)
    assert forking.hear() == "101"
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
