"""The jobs of one session: the one place that says what a job may bill, how long it may run, what it is called and whom it is booked to."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TypeVar

from flows.errors import Cancelled, LimitError, PenstockError, SqlError, StepTimeout
from flows.warehouse.base import Column, QueryLimits, Spent, SqlPlan
from flows.warehouse.bq import labels as names
from flows.warehouse.bq.again import Again
from flows.warehouse.bq.allowance import Allowance
from flows.warehouse.bq.errors import reason_of, translate
from flows.warehouse.bq.fields import columns_of, fields_of
from flows.warehouse.bq.params import parameters
from flows.warehouse.bq.project import Project

if TYPE_CHECKING:
    from google.cloud import bigquery

T = TypeVar("T")
Disposition = Literal["empty", "append", "truncate"]
Params = Mapping[str, Any] | None

RETRY_SECONDS = 60.0  # how long the client repeats a request that failed for a passing reason
UPLOAD_RETRIES = 3  # of one part of a file; the client waits 1, 2 and 4 s and hears no stop while it does
REQUEST_SECONDS = 120.0  # of one request over the network
FIRST_LOOK, LAST_LOOK = 0.05, 1.0  # seconds between two looks at a job that runs
CANCEL_SECONDS = 1.0  # how long a cancel waits for the server's answer


@dataclass(eq=False)
class Work:
    """One job or request while somebody waits for it, and why it was stopped."""

    job_id: str = ""
    wake: threading.Event = field(default_factory=threading.Event)
    stopped: Callable[[], PenstockError] | None = None
    until: float = 0.0
    seconds: float = 0.0

    def check(self) -> None:
        if self.stopped:
            raise self.stopped()
        if self.until and time.monotonic() >= self.until:
            raise StepTimeout(f"the statement took longer than {self.seconds:g} s")


class Jobs:
    """Jobs of one session on one project. `credentials` gives google credentials; None: anonymous where the project has an endpoint
    of its own, else the machine's application default ones. Raises the errors of `flows.errors`, never Google's own."""

    def __init__(self, project: Project, *, labels: Mapping[str, str] | None = None, job_key: str = "", max_bytes: int = 0,
                 allowance: Allowance | None = None, credentials: Callable[[], Any] | None = None, client: Any = None) -> None:
        self.project, self.labels, self.job_key, self.max_bytes = project, dict(labels or {}), job_key, max_bytes
        self.allowance, self.spent, self._taken = allowance, Spent(), 0
        self._credentials, self._client = credentials, client
        self._own, self._count = uuid.uuid4().hex[:12], 0
        self._lock, self._opening = threading.Lock(), threading.Lock()
        self._active, self._closed = list[Work](), False
        self._asking = list[threading.Thread]()  # the server to stop a job
        self._here = threading.local()  # of a thread that asks: the switch of whoever waits for it

    @property
    def client(self) -> bigquery.Client:
        """The client, made when it is first needed. Raises UnreachableError without credentials."""
        with self._opening:  # a lock of its own: credentials may take a while, and a cancel does not wait for them
            made: bigquery.Client = self._client or self._connect()
            self._client = made
            return made

    def _connect(self) -> bigquery.Client:
        from google.api_core.client_options import ClientOptions
        from google.auth.credentials import AnonymousCredentials
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import bigquery

        endpoint = self.project.endpoint
        try:
            credentials = self._credentials() if self._credentials else None
            if endpoint and credentials is None:
                credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
            return bigquery.Client(project=self.project.project, credentials=credentials, location=self.project.location or None,
                                   client_options=ClientOptions(api_endpoint=endpoint) if endpoint else None)
        except GoogleAuthError as error:
            raise translate(error) from None

    # ---------------------------------------------------------------- what is sent
    def budget(self, limits: QueryLimits | None = None) -> int:
        """The most bytes that a statement may bill: its own limit, else the session's, else the project's; and no more than its run
        has left."""
        most = (limits.bytes_billed if limits else 0) or self.max_bytes or self.project.max_bytes
        return min(most, self.allowance.left + self._taken) if self.allowance else most

    def _common(self, config: Any, labels: Mapping[str, str] | None, limits: QueryLimits | None) -> Any:
        config.labels = names.labels(self.labels, labels)
        if limits and limits.seconds:
            config.job_timeout_ms = int(limits.seconds * 1000)
        return config

    def _query_config(self, params: Params, labels: Mapping[str, str] | None, limits: QueryLimits | None, dataset: str) -> Any:
        from google.cloud import bigquery

        config = self._common(bigquery.QueryJobConfig(use_legacy_sql=False), labels, limits)
        config.maximum_bytes_billed = self.budget(limits)
        config.query_parameters = parameters(params or {})
        if dataset:
            config.default_dataset = f"{self.project.project}.{dataset}"
        return config

    def _id(self, content: str, job_key: str, fresh: bool) -> str:
        with self._lock:
            self._count += 1
            count = self._count
        stem = job_key or self.job_key
        return names.job_id(stem or "penstock", count, content, self._own if fresh or not stem else "")

    # ---------------------------------------------------------------- queries
    def dry_run(self, sql: str, *, params: Params = None, dataset: str = "", limits: QueryLimits | None = None) -> SqlPlan:
        """Columns, tables read (as BigQuery names them) and bytes of a statement; it costs nothing. Raises SqlError, MissingError."""
        config = self._query_config(params, None, limits, dataset)
        config.dry_run, config.use_query_cache = True, False
        # a dry run makes no job: its bytes are told, not billed, and a cap would refuse it before it has told them
        config.maximum_bytes_billed = None
        work = Work()
        job = self._away(work, lambda: self.client.query(sql, job_config=config, retry=self.retry(), timeout=REQUEST_SECONDS,
                                                         job_retry=None))
        reads = tuple(f"{ref.project}.{ref.dataset_id}.{ref.table_id}" for ref in job.referenced_tables or ())
        return SqlPlan(columns_of(job.schema or ()), reads=reads, bytes=int(job.total_bytes_processed or 0))

    def afford(self, plan: SqlPlan, limits: QueryLimits | None = None) -> None:
        """Before a statement runs: raises LimitError when its dry run says that it would read more bytes than it may bill."""
        self._settle(0)  # a statement that was afforded and never run
        most = (limits.bytes_billed if limits else 0) or self.max_bytes or self.project.max_bytes
        if plan.bytes is not None and plan.bytes > most:
            raise LimitError(f"the statement would read {plan.bytes:,} bytes, {most:,} are allowed",
                             fix="Filter by the partition column, read fewer columns, or raise the budget")
        if self.allowance and plan.bytes:
            self.allowance.take(plan.bytes)
            self._taken = plan.bytes
        self.spent = replace(self.spent, estimated=self.spent.estimated + (plan.bytes or 0))

    def _settle(self, billed: int) -> None:
        """What the last statement took of the run's bytes comes back, what it was billed goes."""
        taken, self._taken = self._taken, 0
        if self.allowance:
            self.allowance.settle(taken, billed)

    def query(self, sql: str, *, params: Params = None, labels: Mapping[str, str] | None = None, limits: QueryLimits | None = None,
              destination: str = "", disposition: Disposition = "empty", dataset: str = "", job_key: str = "", cache: bool = True,
              fresh: bool = False) -> bigquery.QueryJob:
        """Run a statement or script and wait for its end; gives the job, which is done.

        `destination` is a table's full name that takes the rows. The same try of the same step gives its n-th job the same id, so
        that a second submit finds the first; `fresh` is for reading: its job is always a new one.
        """
        config = self._query_config(params, labels, limits, dataset)
        config.use_query_cache = cache
        if destination:
            config.destination = destination
            config.write_disposition = f"WRITE_{disposition.upper()}"
        job_id = self._id(f"{sql}\0{config.query_parameters!r}\0{destination}\0{disposition}", job_key, fresh)
        submit = lambda: self.client.query(sql, job_config=config, job_id=job_id, retry=self.retry(), job_retry=None,  # noqa: E731
                                           timeout=REQUEST_SECONDS)
        billed = 0
        try:
            done: bigquery.QueryJob = self._run(job_id, submit, limits, self.budget(limits))
            billed = int(done.total_bytes_billed or 0)
            self.spent = replace(self.spent, bytes=self.spent.bytes + billed, jobs=(*self.spent.jobs, job_id))
        finally:
            self._settle(billed)
        return done

    # ---------------------------------------------------------------- load and copy jobs
    def load(self, file: str | Path | IO[bytes], table: str, columns: Sequence[Column] = (), *, disposition: Disposition = "append",
             labels: Mapping[str, str] | None = None, limits: QueryLimits | None = None, job_key: str = "") -> bigquery.LoadJob:
        """A Parquet file into a table that is there (its full name); gives the job, which is done. Loading bills nothing."""
        from google.cloud import bigquery

        options = bigquery.ParquetOptions()  # type: ignore[no-untyped-call]
        options.enable_list_inference = True
        config = self._common(bigquery.LoadJobConfig(source_format="PARQUET", write_disposition=f"WRITE_{disposition.upper()}"),
                              labels, limits)
        config.parquet_options = options
        if columns:
            config.schema = fields_of(columns)
        content = f"{table}\0{disposition}\0{file if isinstance(file, (str, Path)) else ''}"
        job_id = self._id(content, job_key, fresh=False)

        def submit() -> Any:
            if not isinstance(file, (str, Path)):
                return self._upload(file, table, config, job_id)
            with Path(file).open("rb") as opened:
                return self._upload(opened, table, config, job_id)

        done: bigquery.LoadJob = self._run(job_id, submit, limits, 0, what=table)
        return done

    def _upload(self, file: IO[bytes], table: str, config: Any, job_id: str) -> Any:
        """Resumable whatever the size (no `size` is said): a lost connection does not lose what was sent."""
        return self.client.load_table_from_file(file, table, rewind=True, num_retries=UPLOAD_RETRIES, job_id=job_id, job_config=config,
                                                timeout=REQUEST_SECONDS)

    def copy(self, source: str, table: str, *, disposition: Disposition = "empty", labels: Mapping[str, str] | None = None,
             limits: QueryLimits | None = None, job_key: str = "") -> bigquery.CopyJob:
        """A whole table into another (full names); gives the job, which is done. Copying bills nothing."""
        from google.cloud import bigquery

        config = self._common(bigquery.CopyJobConfig(write_disposition=f"WRITE_{disposition.upper()}"), labels, limits)
        job_id = self._id(f"{source}\0{table}\0{disposition}", job_key, fresh=False)
        submit = lambda: self.client.copy_table(source, table, job_id=job_id, job_config=config, retry=self.retry(),  # noqa: E731
                                                timeout=REQUEST_SECONDS)
        done: bigquery.CopyJob = self._run(job_id, submit, limits, 0, what=table)
        return done

    # ---------------------------------------------------------------- waiting
    def ask(self, call: Callable[[], T], *, what: str = "", work: Work | None = None) -> T:
        """One request to BigQuery (not a job) that a cancel from another thread ends. `what` names what it is about, `work` the larger
        piece that it is part of."""
        return self._away(work or Work(), call, what=what)

    @contextmanager
    def watched(self, work: Work) -> Iterator[None]:
        """While it lasts, also between two requests, a cancel finds the work; work within work is found once."""
        with self._lock:
            mine = work not in self._active
            if mine:
                self._active.append(work)
        try:
            yield
        finally:
            if mine:
                with self._lock:
                    self._active.remove(work)

    def _run(self, job_id: str, submit: Callable[[], Any], limits: QueryLimits | None, cap: int, what: str = "") -> Any:
        """Submit and wait. A job of this id that is there already is the one that is waited for."""
        seconds = limits.seconds if limits else 0.0
        work = Work(job_id, until=time.monotonic() + seconds if seconds else 0.0, seconds=seconds)
        try:
            with self.watched(work):
                job = self._away(work, lambda: self._submitted(job_id, submit), what=what, cap=cap)
                pause = FIRST_LOOK
                while job.state != "DONE":
                    self._pause(work, pause)
                    pause = min(pause * 1.5, LAST_LOOK)
                    self._away(work, lambda: job.reload(retry=self.retry(), timeout=REQUEST_SECONDS), what=what)
        except StepTimeout:
            self._stop([job_id])
            raise
        if job.error_result:
            raise self._failed(job, work, cap, what)
        return job

    def _failed(self, job: Any, work: Work, cap: int, what: str) -> PenstockError:
        from google.api_core.exceptions import from_http_status

        said = from_http_status(400, "", errors=[job.error_result])  # type: ignore[no-untyped-call]
        made = translate(said, what=what, bytes_cap=cap)
        late = isinstance(made, Cancelled) or job.error_result.get("reason") == "timeout"
        if late and work.until and time.monotonic() >= work.until - 1:  # the server counts the same seconds
            return StepTimeout(f"the statement took longer than {work.seconds:g} s")
        return made

    def _submitted(self, job_id: str, submit: Callable[[], Any]) -> Any:
        from google.api_core.exceptions import Conflict

        try:
            return submit()
        except Conflict as error:
            if reason_of(error) not in ("duplicate", "alreadyExists", ""):
                raise
            return self.client.get_job(job_id, project=self.project.project, location=self.project.location or None,
                                       retry=self.retry(), timeout=REQUEST_SECONDS)

    def _pause(self, work: Work, seconds: float) -> None:
        work.wake.clear()  # before the check: a stop that comes after it sets it again
        work.check()
        left = work.until - time.monotonic() if work.until else seconds
        work.wake.wait(max(0.0, min(seconds, left)))
        work.check()

    def _away(self, work: Work, call: Callable[[], T], *, what: str = "", cap: int = 0) -> T:
        """Do it in another thread, so that a cancel or a timeout need not wait for the network. What arrives too late is stopped."""
        if self._closed:
            raise SqlError("this session is closed", verdict="failed")
        future: Future[T] = Future()
        abandoned = threading.Event()
        with self.watched(work):
            work.wake.clear()  # before the check: a stop that comes after it sets it again
            work.check()
            threading.Thread(target=self._answer, args=[future, call, work, abandoned], daemon=True, name="bigquery").start()
            while not future.done():
                work.wake.wait(max(0.0, work.until - time.monotonic()) if work.until else None)
                work.wake.clear()
                if not future.done():
                    try:
                        work.check()
                    except PenstockError:
                        abandoned.set()
                        raise
        if (error := future.exception()) is not None:
            raise translate(error, what=what, bytes_cap=cap) from None
        return future.result()

    def _answer(self, future: Future[T], call: Callable[[], T], work: Work, abandoned: threading.Event) -> None:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError

        self._here.gone = abandoned
        try:
            future.set_result(call())
        except (GoogleAPIError, GoogleAuthError, PenstockError, OSError, ValueError, TypeError) as error:
            future.set_exception(error)
        finally:
            if not future.done():
                future.set_exception(RuntimeError("the request broke off"))
            work.wake.set()
            if abandoned.is_set() and work.job_id:
                self._stop([work.job_id])

    def retry(self) -> Any:
        """How the client repeats a request that failed for a passing reason: until whoever waits for it has gone."""
        return Again(RETRY_SECONDS, lambda: getattr(self._here, "gone", None))

    # ---------------------------------------------------------------- stopping
    def cancel(self, why: Callable[[], PenstockError] = lambda: Cancelled("cancelled")) -> None:
        """Stop what runs now, here and on the server, from any thread. Nothing runs: nothing happens."""
        with self._lock:
            works = list(self._active)
        for work in works:
            work.stopped = work.stopped or why
        asked = self._ask_stop([work.job_id for work in works if work.job_id])  # before whoever waits for the work wakes, and closes
        for work in works:
            work.wake.set()
        _joined(asked)

    def _stop(self, job_ids: Sequence[str]) -> None:
        """Ask the server to stop jobs, and give it some time to answer."""
        _joined(self._ask_stop(job_ids))

    def _ask_stop(self, job_ids: Sequence[str]) -> list[threading.Thread]:
        """The threads that ask; a job that is not there or has ended is fine."""
        from google.api_core.exceptions import GoogleAPIError

        def stop(job_id: str) -> None:
            try:
                self.client.cancel_job(job_id, project=self.project.project, location=self.project.location or None, retry=None,  # type: ignore[arg-type]
                                       timeout=CANCEL_SECONDS * 5)
            except (GoogleAPIError, OSError, PenstockError):
                return

        threads = [threading.Thread(target=stop, args=[job_id], daemon=True, name="bigquery") for job_id in job_ids]
        with self._lock:
            self._asking = [one for one in self._asking if one.is_alive()] + threads
            for thread in threads:
                thread.start()
        return threads

    def close(self) -> None:
        """Stop what runs and let the connection go, after the server has heard of every stop; calling it again does nothing."""
        if not self._closed:
            self.cancel()
            self._closed = True
            with self._lock:
                asking = list(self._asking)
            _joined(asking)
            if self._client is not None:
                self._client.close()


def _joined(threads: Sequence[threading.Thread]) -> None:
    until = time.monotonic() + CANCEL_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
