"""Rows of BigQuery as Arrow: small answers by REST, large ones by the Storage Read API, always in bounded memory and with their types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from flows.errors import MissingError, SqlError
from flows.warehouse.base import Capabilities
from flows.warehouse.bq.fields import schema_of
from flows.warehouse.bq.jobs import REQUEST_SECONDS, Jobs, Work

if TYPE_CHECKING:
    import pyarrow as pa
    from google.cloud.bigquery import QueryJob

SMALL_ROWS = 10_000  # up to here one or two REST pages are faster than opening a read session
SLOW = "large results come by REST, which is slow: the Storage Read API does not give them to this account (bigquery.readsessions.create)"
PAGES_AHEAD = 2  # pages that may wait in memory


class Reader:
    """Reads results for one session; a project that does not permit the Storage Read API is noted once in `capabilities`."""

    def __init__(self, jobs: Jobs, capabilities: Capabilities) -> None:
        self.jobs, self.capabilities = jobs, capabilities
        self._storage: Any = None
        self._slow = bool(jobs.project.endpoint and not jobs.project.storage_endpoint)

    def table(self, job: QueryJob, *, most: int = 0) -> pa.Table:
        """All rows of a job that is done, at most `most`."""
        import pyarrow as pa

        rows = self._rows(job, most, None)
        return pa.Table.from_batches(self._batches(rows, job, most, None), schema_of(rows.schema))

    def batches(self, job: QueryJob, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """The same piece by piece, at most `batch_rows` in each."""
        rows = self._rows(job, 0, batch_rows)
        yield from self._batches(rows, job, 0, batch_rows)

    def page(self, table: Any, most: int) -> pa.Table:
        """The first rows of a table, which is free; not of a view."""
        import pyarrow as pa

        rows = self.jobs.ask(lambda: self.jobs.client.list_rows(table, max_results=most, retry=self.jobs.retry(), timeout=REQUEST_SECONDS))
        return pa.Table.from_batches(self._pages(rows, None), schema_of(rows.schema))

    def _rows(self, job: QueryJob, most: int, page: int | None) -> Any:
        return self.jobs.ask(lambda: job.result(page_size=page, max_results=most or None, retry=self.jobs.retry(), timeout=REQUEST_SECONDS,
                                                job_retry=None))

    def _batches(self, rows: Any, job: QueryJob, most: int, batch_rows: int | None) -> Iterator[pa.RecordBatch]:
        """By the Storage API where rows are many and it is open to this account, else by REST."""
        if most or self._slow or (rows.total_rows or 0) <= SMALL_ROWS:
            yield from self._pages(rows, batch_rows)
            return
        pages = self._pages(rows, batch_rows, self._client())
        try:
            first = next(pages, None)
        except (MissingError, SqlError):
            self._slow = True
            self.capabilities.gaps["storage_read"] = SLOW
            yield from self._pages(self._rows(job, most, batch_rows), batch_rows)
            return
        if first is not None:
            yield first
            yield from pages

    def _pages(self, rows: Any, batch_rows: int | None, storage: Any = None) -> Iterator[pa.RecordBatch]:
        schema, work = schema_of(rows.schema), Work()
        # one stream keeps the order of the rows, and a queue of pages keeps the memory
        pages = rows.to_arrow_iterable(bqstorage_client=storage, max_queue_size=PAGES_AHEAD, max_stream_count=1)
        with self.jobs.watched(work):
            while (page := self.jobs.ask(lambda: next(pages, None), work=work)) is not None:
                for start in range(0, page.num_rows, batch_rows or page.num_rows or 1):
                    work.check()
                    yield typed(page.slice(start, batch_rows or page.num_rows), schema)

    def _client(self) -> Any:
        """The Storage API's client, made when a large result first comes."""
        if self._storage is None:
            from google.cloud.bigquery_storage import BigQueryReadClient

            project = self.jobs.project
            if project.storage_endpoint:
                import grpc  # type: ignore[import-untyped]
                from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

                channel = grpc.insecure_channel(project.storage_endpoint)
                self._storage = BigQueryReadClient(  # type: ignore[no-untyped-call]
                    transport=BigQueryReadGrpcTransport(channel=channel))
            else:
                self._storage = BigQueryReadClient(credentials=self.jobs.client._credentials)  # type: ignore[no-untyped-call]
        return self._storage

    def close(self) -> None:
        if self._storage is not None:
            self._storage.transport.close()


def typed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with exactly these types; what the client marks as JSON is its text."""
    import pyarrow as pa

    columns = [column.storage if isinstance(column, pa.ExtensionArray) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays([column.cast(field.type) for column, field in zip(columns, schema, strict=True)], schema=schema)
