"""`penstock up`: one parent of the app, Prefect's server and the runner; and the way for a single run to have the last two for its time."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

import httpx

from flows.errors import InputError, PenstockError, UnreachableError
from flows.logs import keep
from flows.run import face, reconcile
from flows.run.chores import anything_left
from flows.run.env import bare_env, env_of, keyless, one_authority
from flows.run.face import HOST
from flows.run.parts import Part, tail
from flows.settings import Settings

if TYPE_CHECKING:
    from flows.store import Store

PORTS = 20  # how many ports after the wanted one are tried
START_SECONDS, STARTS = 180.0, 3
IDLE_EVERY, IDLE_SECONDS = 0.5, 1.0
LOST_SECONDS = 4.0
FLUSH_SECONDS = "1"  # whole seconds: Prefect 3.8.8 makes an int of it, and with 0 its recorder spins and takes a core for ever
APP_FIRST = 4.0  # seconds that the runner waits for the app at most

Say = Callable[[str], None]
Told = Callable[[str, str], None]  # the address of the app, and that of Prefect


def serve(settings: Settings, *, say: Say = print, temporary: bool = False, app: bool = True,
          meanwhile: Callable[[], None] | None = None) -> int:
    """Start everything and stay until told to stop (Ctrl-C, TERM, HUP). Returns the exit code.

    `app`: with the app in the browser. `temporary`: without it, and stop when nobody uses the rest any more and nothing runs. `meanwhile`
    is called in a thread while the others start; what it could not do is said. Raises
    InputError when this home is up already or other machines would be answered without a sign-in, UnreachableError when the control
    store cannot be opened.
    """
    from flows.store import open_store
    from flows.warehouse.routines import sync_told

    settings.make_home()
    with only_one(settings, temporary, say) as told, open_store(settings.control_url) as store:
        if settings.root_key:
            store.keys.set_root(settings.root_key)
        if app and not temporary:
            face.check_host(settings, guarded=store.keys.guarded())

        def begin() -> None:
            sync_told(store.procedures, settings.tenant_id, say)
            if meanwhile is not None:
                meanwhile()

        return asyncio.run(Up(settings, store, say, told, temporary, app and not temporary).run(begin))


class Up:
    """The parent. One more process is one more line in `parts`; they stop in reverse order."""

    def __init__(self, settings: Settings, store: Store, say: Say, told: Told, temporary: bool, app: bool) -> None:
        self.settings, self.store, self.say, self.told, self.temporary = settings, store, say, told, temporary
        self.port = 0 if settings.prefect_url else free_port(settings.prefect_port, say, "Prefect")
        self.app_port = free_port(settings.app_port, say, "the app") if app else 0
        logs, python = settings.home / "logs", sys.executable
        server = Part("Prefect server", lambda: [python, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(self.port)],
                      self.server_env, logs / "server.log", self.server_ready, waits=(1, 2, 4, 8, 16, 30),
                      died=self.port_lost)
        runner = Part("runner", lambda: [python, "-m", "flows.run.supervisor", str(settings.home), self.api],
                      self.runner_env, logs / "runner.log", self.runner_ready, waits=(0,), grace=20)
        shown = Part("app", lambda: face.command(self.app_port, settings.app_host, settings.public_url),
                     lambda: face.env(env_of(settings)), logs / "app.log",
                     lambda _: face.answers(self.app_port, settings.app_host), grace=1.5, died=self.app_port_lost)
        self.runner, self.app = runner, shown if app else None
        self.parts = [*([] if settings.prefect_url else [server]), runner, *([shown] if app else [])]
        self.over = asyncio.Event()

    @property
    def api(self) -> str:
        given = self.settings.prefect_url.rstrip("/").removesuffix("/api")
        return f"{given or f'http://{HOST}:{self.port}'}/api"

    @property
    def address(self) -> str:
        return self.api.removesuffix("/api")

    @property
    def door(self) -> str:
        """Where a person goes: the app, or Prefect's UI when there is none."""
        return f"http://{HOST}:{self.app_port}" if self.app else self.address

    async def run(self, meanwhile: Callable[[], None] | None = None) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.over.set)
        self.told(self.door, self.address)
        keepers = [asyncio.create_task(self.keep(part)) for part in self.parts]
        aside = asyncio.create_task(self.aside(meanwhile)) if meanwhile else None
        greeting = asyncio.create_task(self.greet())
        watch = asyncio.create_task(self.until_idle()) if self.temporary else None
        await self.over.wait()
        greeting.cancel()
        if aside:
            aside.cancel()
        if watch:
            watch.cancel()
        self.say("stopping")
        for part in reversed(self.parts):
            await part.stop()
        for keeper in keepers:
            keeper.cancel()
        return 0

    async def keep(self, part: Part) -> None:
        """Look after a part. The runner has to wait for Prefect's server in any case: it leaves the processors to the app first."""
        if part is self.runner and self.app:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.app.settled(), APP_FIRST)
        await part.keep(self.say)

    async def aside(self, meanwhile: Callable[[], None]) -> None:
        try:
            await asyncio.to_thread(meanwhile)
        except PenstockError as error:
            self.say(str(error))

    async def greet(self) -> None:
        """Say what is up, once it is: the app first, which does not wait for the others."""
        if self.app and await self.app.settled():
            self.say(f"Open {self.door}")
        for part in self.parts:
            await part.settled()
        if all(part.up.is_set() for part in self.parts):
            self.say(f"Prefect: {self.address}")
            self.say(f"penstock is up, its home is {self.settings.home}. Stop it with Ctrl-C")
        elif self.temporary:
            self.over.set()

    async def until_idle(self) -> None:
        """Stop when no caller is left and no run is at work or waiting."""
        since = time.monotonic()
        while time.monotonic() - since < IDLE_SECONDS:
            await asyncio.sleep(IDLE_EVERY)
            busy = await asyncio.to_thread(self.busy)
            if any(part.lost.is_set() for part in self.parts):
                break
            if busy:
                since = time.monotonic()
        self.over.set()

    def busy(self) -> bool:
        """Is there a caller, a run, a backfill or a chore that a temporary parent must not leave?"""
        store = self.store
        return bool(users(self.settings) or store.runs.open() or store.backfills.due() or anything_left(store))

    def server_env(self) -> Mapping[str, str]:
        place = self.settings.home / "prefect"
        return {**bare_env(), "PREFECT_HOME": str(place), "PREFECT_PROFILES_PATH": str(place / "profiles.toml"),
                "PREFECT_UI_STATIC_DIRECTORY": str(place / "ui"),
                "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
                "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": FLUSH_SECONDS,
                "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}

    def runner_env(self) -> Mapping[str, str]:
        place = self.settings.home / "prefect"
        own = {} if self.settings.prefect_url else {  # the same package, without TLS: no version to compare, no 140 authorities to read
            "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false", "PREFECT_API_SSL_CERT_FILE": str(one_authority(place))}
        return {**bare_env(), **env_of(self.settings), **own, "PREFECT_HOME": str(place),
                "PREFECT_PROFILES_PATH": str(place / "profiles.toml"), "PREFECT_API_URL": self.api, "PREFECT_WORKER_QUERY_SECONDS": "0.5",
                "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}

    def server_ready(self, part: Part) -> bool:
        with httpx.Client(base_url=self.api, timeout=2) as client:
            return reconcile.answers(client)

    def runner_ready(self, part: Part) -> bool:
        """At first when it sees Prefect, afterwards as long as it shows signs of life: its runs outlive a server that is slow or gone."""
        return any(r.info.get("pid") == part.pid and (r.info.get("ready") or part.up.is_set()) for r in self.store.runners.alive())

    def port_lost(self, server: Part) -> bool:
        """Somebody took the port between our look and the server's start: take another one, and tell the runner."""
        if server.deaths or not any("already in use" in line for line in tail(server.log)):
            return True
        self.port = free_port(self.port, self.say, "Prefect")
        self.told(self.door, self.address)
        self.runner.signal(signal.SIGTERM)
        return False

    def app_port_lost(self, app: Part) -> bool:
        """The same for the app's port; nobody else needs to know it."""
        if app.deaths or not any(face.TAKEN in line for line in tail(app.log)):
            return True
        self.app_port = free_port(self.app_port, self.say, "the app")
        self.told(self.door, self.address)
        return False


# ---- one home, one parent

@contextmanager
def only_one(settings: Settings, temporary: bool, say: Say = print) -> Iterator[Told]:
    """Hold the home's lock; the function that comes with it writes the addresses into the lock. Raises InputError when it is held."""
    with open(settings.home / "up.lock", "a+", encoding="utf-8") as lock:
        if not _lock(lock):
            there = holder(settings)
            if temporary or not there.get("temporary"):
                raise InputError(f"penstock is already up: {there.get('address') or 'starting'}", where=str(settings.home),
                                 fix="Use it, or stop it with Ctrl-C where it runs")
            say("waiting for a `penstock run` that has started its own server")
            fcntl.flock(lock, fcntl.LOCK_EX)

        def told(address: str, prefect: str) -> None:
            lock.seek(0)
            lock.truncate()
            json.dump({"pid": os.getpid(), "address": address, "prefect": prefect, "temporary": temporary}, lock)
            lock.flush()

        told("", "")
        yield told


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def holder(settings: Settings) -> dict[str, Any]:
    """What the lock says: process id, the app's address, Prefect's, and whether it is there for a single run only."""
    with suppress(OSError, ValueError):
        found = json.loads((settings.home / "up.lock").read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def held(settings: Settings) -> bool:
    """Whether a parent is there."""
    with open(settings.home / "up.lock", "a+", encoding="utf-8") as lock:
        return not _lock(lock)


# ---- for a single run

@contextmanager
def ensure(settings: Settings, store: Store) -> Iterator[None]:
    """While inside, a runner and Prefect's server are up: those of `penstock up`, those that another caller started, or own ones,
    which end when their last user is gone. Raises UnreachableError with the reason when they do not start.
    """
    reconcile.take_up(store)
    if ready(store) and not holder(settings).get("temporary"):
        yield
        return
    over = threading.Event()
    with using(settings):
        _wait_ready(settings, store)
        keeper = threading.Thread(target=_keep, args=(settings, store, over), name="ensure", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            over.set()


def ready(store: Store) -> bool:
    """Whether a runner takes runs now."""
    return any(runner.info.get("ready") for runner in store.runners.alive())


def _wait_ready(settings: Settings, store: Store) -> None:
    starts, until, parent = 0, time.monotonic() + START_SECONDS, None
    while not ready(store):
        if time.monotonic() > until:
            raise _failed(settings, f"did not start within {START_SECONDS:g} s")
        if not held(settings) and (parent is None or parent.poll() is not None):  # on a busy machine it takes seconds to its lock
            if starts == STARTS:
                raise _failed(settings, "did not start")
            starts += 1
            parent = _start(settings)
        time.sleep(0.1)


def _failed(settings: Settings, what: str) -> UnreachableError:
    lines = [line for name in ("up", "server", "runner") for line in tail(settings.home / "logs" / f"{name}.log", 3)]
    return UnreachableError(f"the runner {what}: {' | '.join(lines)[-600:]}", where=str(settings.home / "logs"),
                            fix="Look into the logs there")


def _keep(settings: Settings, store: Store, over: threading.Event) -> None:
    """A parent that is lost while it is needed is started again."""
    missing, parent = 0.0, None
    while not over.wait(1):
        missing = 0.0 if held(settings) or ready(store) or (parent and parent.poll() is None) else missing + 1
        if missing >= LOST_SECONDS:
            missing, parent = 0.0, _start(settings)


def _start(settings: Settings) -> subprocess.Popen[bytes]:
    log = settings.home / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        return subprocess.Popen([sys.executable, "-m", "flows.run.up", str(settings.home)], stdin=subprocess.DEVNULL, stdout=out,
                                stderr=out, env={**keyless(), **env_of(settings)}, start_new_session=True)


@contextmanager
def using(settings: Settings) -> Iterator[None]:
    """Be counted as a user: a locked file, which a killed process lets go by itself."""
    folder = settings.home / "users"
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{os.getpid()}-{secrets.token_hex(3)}"
    with place.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            place.unlink(missing_ok=True)


def users(settings: Settings) -> int:
    """How many callers there are; what dead ones left behind is removed."""
    count = 0
    for place in (settings.home / "users").glob("*"):
        with suppress(FileNotFoundError), place.open("a", encoding="utf-8") as file:
            if _lock(file):
                place.unlink(missing_ok=True)
            else:
                count += 1
    return count


# ---- addresses

def free_port(wanted: int, say: Say, what: str) -> int:
    """The wanted port, the first free one of the next 20, or any; 0 wants any."""
    for port in (*range(wanted, min(wanted + PORTS + 1, 65_536)), 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found = int(probe.getsockname()[1])
        if found != wanted != 0:
            say(f"port {wanted} is taken: {what} uses {found}")
        return found
    raise UnreachableError("no port is free on this machine", where=HOST)


def main(home: str) -> int:
    """The parent that a single run starts for itself."""
    settings, log = Settings.load(home=home), logging.getLogger("penstock.up")
    keep(settings)
    try:
        return serve(settings, say=lambda text: log.info("%s", text), temporary=True)
    except PenstockError as error:
        log.error("%s", error)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
