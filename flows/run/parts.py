"""The processes that `penstock up` looks after: how one is started, watched, started again and stopped."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)  # looked up before any fork
CHECK_EVERY, MISSES = 5.0, 6  # a machine that is overloaded answers late, and a kill makes that worse
MANY, WINDOW = 5, 600.0  # so many deaths within so many seconds: stop trying
READY_EVERY = 0.2
TAIL = 15  # log lines shown of a process that is given up
LOG_BYTES = 10 * 1024 * 1024  # a larger log is put aside at a start, and the one that was put aside before goes


@dataclass
class Part:
    """One process. `command` is asked again at every start, `ready` may block a little and is called in a thread."""

    name: str
    command: Callable[[], list[str]]
    env: Callable[[], Mapping[str, str]]
    log: Path
    ready: Callable[[Part], bool]
    waits: tuple[float, ...] = (0.0,)  # seconds before the 1st, 2nd ... restart; the last one holds for all after it
    grace: float = 10.0  # seconds between TERM and KILL
    died: Callable[[Part], bool] = lambda part: True  # what to mend after a death; False: this death does not count
    process: Process | None = None
    up: asyncio.Event = field(default_factory=asyncio.Event)
    lost: asyncio.Event = field(default_factory=asyncio.Event)  # given up
    deaths: deque[float] = field(default_factory=deque)

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    async def keep(self, say: Callable[[str], None]) -> None:
        """Start it, and again whenever it dies, until that is hopeless."""
        while not self.lost.is_set():
            await self.start()
            watch = asyncio.create_task(self.watch())
            assert self.process is not None
            code = await self.process.wait()
            watch.cancel()
            self.up.clear()
            if self.lost.is_set():
                return
            if self.died(self):
                self.deaths.append(time.monotonic())
            self._judge(code, say)
            if not self.lost.is_set():
                await asyncio.sleep(self.waits[min(len(self.deaths), len(self.waits)) - 1] if self.deaths else 0)

    def _judge(self, code: int, say: Callable[[str], None]) -> None:
        while self.deaths and self.deaths[0] < time.monotonic() - WINDOW:
            self.deaths.popleft()
        if len(self.deaths) >= MANY:
            self.lost.set()
            say(f"{self.name} died {MANY} times within {WINDOW / 60:g} minutes and is not started again. Its log, {self.log}, ends with:")
            for line in tail(self.log):
                say(f"  {line}")
        elif self.deaths:
            say(f"{self.name} ended with {code}: started again")

    async def settled(self) -> bool:
        """Wait until it is up or given up; True for up."""
        waits = [asyncio.create_task(event.wait()) for event in (self.up, self.lost)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return self.up.is_set()

    async def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_name(f"{self.log.name}.1"))
        with self.log.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                *self.command(), stdin=DEVNULL, stdout=out, stderr=out, env=dict(self.env()), start_new_session=True,
                preexec_fn=_die_with_parent)

    async def watch(self) -> None:
        """Tell when it is ready; one that was ready and then does not answer so many times is ended, so that it starts anew."""
        missed = 0
        while missed < MISSES:
            ready = await asyncio.to_thread(self.ready, self)
            missed = missed + 1 if self.up.is_set() and not ready else 0
            if ready:
                self.up.set()
            await asyncio.sleep(CHECK_EVERY if self.up.is_set() else READY_EVERY)
        self.signal(signal.SIGKILL)

    async def stop(self) -> None:
        """TERM, then KILL, for it and all it has started."""
        self.lost.set()
        if self.process is None or self.process.returncode is not None:
            return
        self.signal(signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), self.grace)
        self.signal(signal.SIGKILL)
        await self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


def _die_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def tail(log: Path, lines: int = TAIL) -> list[str]:
    """The last lines of a log, read from its end."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        return file.read().decode(errors="replace").splitlines()[-lines:]
