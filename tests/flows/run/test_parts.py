"""The parent's processes: started again when they die, given up when that is hopeless, stopped with all they started."""

import asyncio
import os
import socket
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from flows.errors import InputError, UnreachableError
from flows.run import parts
from flows.run.env import env_of
from flows.run.parts import Part
from flows.run.up import Up, free_port, held, holder, only_one, serve, users, using
from flows.settings import Settings


def part(tmp_path, code, **more):
    ready = more.pop("ready", lambda part: True)
    return Part("it", lambda: [sys.executable, "-c", code], lambda: os.environ, tmp_path / "it.log", ready, **more)


async def until(true):
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("in vain")


async def test_a_process_that_dies_is_started_again(tmp_path):
    said = []
    one = part(tmp_path, "import time; time.sleep(60)")
    keeper = asyncio.create_task(one.keep(said.append))
    await until(lambda: one.up.is_set())
    first = one.pid
    one.signal(9)
    await until(lambda: one.pid != first and one.up.is_set())
    assert said == ["it ended with -9: started again"]
    await one.stop()
    await keeper


async def test_a_process_that_keeps_dying_is_given_up_with_the_end_of_its_log(tmp_path):
    said = []
    one = part(tmp_path, "import sys; sys.exit('no disk')", ready=lambda part: False)
    await one.keep(said.append)
    assert one.lost.is_set()
    assert len(one.deaths) == parts.MANY
    assert any("died 5 times within 10 minutes and is not started again" in line for line in said)
    assert said[-1] == "  no disk"


async def test_a_log_that_grew_too_large_is_put_aside_at_a_start(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "LOG_BYTES", 4)
    (tmp_path / "it.log").write_text("older lines")
    one = part(tmp_path, "print('new')")
    await one.start()
    await one.process.wait()
    assert (tmp_path / "it.log.1").read_text() == "older lines"
    await one.start()  # 4 bytes are not too large
    await one.process.wait()
    assert (tmp_path / "it.log").read_text() == "new\nnew\n"
    assert (tmp_path / "it.log.1").read_text() == "older lines"


async def test_a_process_that_was_ready_and_stops_answering_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "CHECK_EVERY", 0.05)
    answers = iter([True, False, True, *[False] * parts.MISSES])
    one = part(tmp_path, "import time; time.sleep(60)", ready=lambda part: next(answers, True))
    keeper = asyncio.create_task(one.keep(lambda text: None))
    await until(lambda: len(one.deaths) == 1)
    await one.stop()
    await keeper


def test_a_runner_is_not_ended_because_prefect_does_not_answer(settings, store):
    up = Up(settings, store, print, lambda *_: None, True, False)
    runner = replace(up.runner, process=SimpleNamespace(pid=4711))
    store.runners.beat("runner@here:4711:a", {"pid": 4711, "ready": False})
    assert up.runner_ready(runner) is False  # it does not count as started
    runner.up.set()
    assert up.runner_ready(runner) is True
    store.runners.gone("runner@here:4711:a")
    assert up.runner_ready(runner) is False


async def test_stopping_ends_the_whole_group(tmp_path):
    code = ("import subprocess, sys, time; "
            "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True); time.sleep(60)")
    one = part(tmp_path, code)
    keeper = asyncio.create_task(one.keep(lambda text: None))
    await until(lambda: one.log.exists() and one.log.read_text().strip())
    child = int(one.log.read_text())
    await one.stop()
    await keeper

    def ended():
        try:
            with open(f"/proc/{child}/stat") as stat:
                return stat.read().split()[2] == "Z"
        except FileNotFoundError:
            return True

    await until(ended)


def test_a_taken_port_is_said_and_another_one_found():
    said = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        found = free_port(wanted, said.append, "Prefect")
    assert found != wanted
    assert said == [f"port {wanted} is taken: Prefect uses {found}"]
    said.clear()
    assert free_port(found, said.append, "Prefect") == found
    assert free_port(0, said.append, "Prefect") > 0
    assert said == []


def test_one_home_has_one_parent(settings):
    with only_one(settings, temporary=False) as told:
        told("http://127.0.0.1:8501", "http://127.0.0.1:4200")
        assert held(settings)
        assert holder(settings) == {"pid": os.getpid(), "address": "http://127.0.0.1:8501", "prefect": "http://127.0.0.1:4200",
                                    "temporary": False}
        with pytest.raises(InputError, match=r"penstock is already up: http://127\.0\.0\.1:8501"), only_one(settings, temporary=False):
            pass
    assert not held(settings)


def test_users_are_counted_and_dead_ones_forgotten(settings):
    with using(settings):
        assert users(settings) == 1
        (settings.home / "users" / "999-dead").touch()
        assert users(settings) == 1
    assert users(settings) == 0
    assert list((settings.home / "users").iterdir()) == []


def test_the_servers_recorder_rests_between_two_flushes(settings, store):
    """Prefect 3.8.8 waits `int(flush_interval)` seconds: below one that is none at all, and the server takes a whole core at rest."""
    env = Up(settings, store, print, lambda *_: None, True, app=False).server_env()
    assert int(float(env["PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL"])) >= 1


def test_another_process_reads_the_same_settings(settings, monkeypatch):
    for name, value in env_of(settings).items():
        monkeypatch.setenv(name, value)
    again = Settings.load()
    assert (again.home, again.control_url, again.tenant_id) == (settings.home, settings.control_url, settings.tenant_id)
    assert set(settings.folders) <= set(again.folders)


def test_no_step_of_a_pipeline_can_read_a_key_of_penstock(settings, store, monkeypatch):
    monkeypatch.setenv("PENSTOCK_ROOT_KEY", "a-root-key-that-nobody-may-read")
    monkeypatch.setenv("PENSTOCK_API_KEY", "pk_nobody-may-read-this-one")
    parent = Up(settings, store, print, lambda *_: None, True, app=False)
    assert "nobody-may-read" not in repr((parent.server_env(), parent.runner_env()))


def test_the_root_key_it_is_served_with_is_asked_for_from_then_on(settings, store, monkeypatch):
    async def at_once(self, meanwhile=None):
        return 0

    monkeypatch.setattr(Up, "run", at_once)
    for key in ("the-first-root-key-of-this-test", "the-second-root-key-of-this-test"):
        assert serve(replace(settings, root_key=key), say=print) == 0
        assert store.keys.is_root(key)
    assert not store.keys.is_root("the-first-root-key-of-this-test")
    assert serve(settings, say=print) == 0
    assert store.keys.guarded()


def test_what_is_done_meanwhile_and_fails_is_said_and_stops_nothing():
    said: list[str] = []
    parent = Up.__new__(Up)
    parent.say = said.append

    def fails() -> None:
        raise UnreachableError("the disk is full", where="the sample shop")

    asyncio.run(parent.aside(fails))
    assert len(said) == 1
    assert "the disk is full" in said[0]
