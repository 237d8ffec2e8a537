"""REST against a real HTTP server: paging, busy and broken answers, and hosts that nobody declared."""

import json
import socket
import threading
import time
from datetime import date
from decimal import Decimal

import pytest
from werkzeug import Request, Response

from flows.engines import rest
from flows.engines.base import Cancel
from flows.errors import Cancelled, DataError, InputError, LimitError, MissingError, TransientError, UnreachableError
from flows.warehouse.base import Column

ALL = [{"id": n, "name": f"n{n}"} for n in range(1, 8)]


@pytest.fixture
def api(bench, httpserver):
    """A bench whose connection `rest` is the server."""
    bench.env["PENSTOCK_CONN_REST"] = json.dumps({"url": httpserver.url_for("/v1"), "token": "t0ken"})
    bench.server = httpserver
    return bench


def ids(bench):
    return [row["id"] for row in bench.rows("rows")]


def paged(request: Request) -> Response:
    """Pages of `limit` rows by page or offset; the last ones are empty."""
    size = int(request.args.get("limit", 3))
    start = int(request.args["offset"]) if "offset" in request.args else (int(request.args["page"]) - 1) * size
    return Response(json.dumps({"data": {"items": ALL[start:start + size]}}), content_type="application/json")


# ---------------------------------------------------------------- pages
@pytest.mark.parametrize("paging", [{"kind": "page", "size": 3}, {"kind": "page"}, {"kind": "offset", "size": 2}, {"kind": "offset"}])
def test_numbered_pages_are_read_until_an_empty_one(api, paging):
    api.server.expect_request("/v1/items", headers={"Authorization": "Bearer t0ken"}).respond_with_handler(paged)
    result = api.extract(connection="rest", endpoint="items", records="data.items", paging=paging)
    assert ids(api) == [1, 2, 3, 4, 5, 6, 7]
    assert result.relation.columns == (Column("id", "INT64"), Column("name", "STRING"))


def test_a_server_that_gives_smaller_pages_than_asked_loses_nothing(api):
    api.server.expect_request("/v1/items").respond_with_handler(
        lambda r: Response(json.dumps(ALL[int(r.args["offset"]):int(r.args["offset"]) + 2])))
    api.extract(connection="rest", endpoint="/items", paging={"kind": "offset", "size": 100})
    assert len(ids(api)) == 7


def test_a_cursor_is_sent_until_there_is_none(api):
    def handle(request):
        start = int(request.args.get("after", 0))
        more = str(start + 3) if start + 3 < len(ALL) else None
        return Response(json.dumps({"rows": ALL[start:start + 3], "meta": {"next": more}}))

    api.server.expect_request("/v1/items", query_string=None).respond_with_handler(handle)
    api.extract(connection="rest", endpoint="items", records="rows", paging={"kind": "cursor", "parameter": "after", "next": "meta.next"},
                params={"kind": "x"})
    assert ids(api) == [1, 2, 3, 4, 5, 6, 7]
    assert all(request.args["kind"] == "x" for request, _ in api.server.log)


@pytest.mark.parametrize("kind", ["link", "cursor"])
def test_the_next_address_is_followed_on_the_same_host_only(api, kind):
    def handle(request, host=""):
        n = int(request.args.get("p", 1))
        url = f"{host}/v1/items?p={n + 1}" if n < 3 else None
        headers = {"Link": f'<{url}>; rel="next", <{url}>; rel="last"'} if url and kind == "link" else {}
        return Response(json.dumps({"rows": [{"id": n}], "next": url}), headers=headers)

    paging = {"kind": kind, "next": "next"} if kind == "cursor" else {"kind": kind}
    api.server.expect_request("/v1/items").respond_with_handler(handle)
    api.extract(connection="rest", endpoint="items", records="rows", paging=paging)
    assert ids(api) == [1, 2, 3]
    api.server.clear()
    api.server.expect_request("/v1/items").respond_with_handler(lambda r: handle(r, "http://evil.example"))
    with pytest.raises(InputError, match=r"next page is on another host \(evil\.example\)"):
        api.extract(connection="rest", endpoint="items", records="rows", paging=paging)


@pytest.mark.parametrize(("body", "said"), [
    ({"rows": ALL, "next": "abc"}, "next"), ({"rows": ALL, "meta": {"next_cursor": "x"}}, r"meta\.next_cursor"),
    ({"rows": ALL, "has_more": True}, "has_more")])
def test_a_next_page_that_nobody_said_how_to_ask_for_is_never_dropped_in_silence(api, body, said):
    api.server.expect_request("/v1/items").respond_with_json(body)
    with pytest.raises(DataError, match=rf"names a next page at '{said}'.*source\.paging"):
        api.extract(connection="rest", endpoint="items", records="rows")
    with pytest.raises(DataError, match="names a next page"):
        api.extract(connection="rest", endpoint="items", records="rows", paging={"kind": "cursor", "next": "nxt"})
    api.extract(connection="rest", endpoint="items", records="rows", paging={"kind": "none"})
    assert len(ids(api)) == 7
    api.server.clear()
    api.server.expect_request("/v1/items").respond_with_json({**body, "next": None, "meta": {}, "has_more": False})
    api.extract(connection="rest", endpoint="items", records="rows")
    assert len(ids(api)) == 7


def test_a_token_may_have_dots_in_its_name(api):
    def handle(request):
        first = "p" not in request.args
        return Response(json.dumps({"value": [{"id": 1 if first else 2}]} | ({"@odata.nextLink": "/v1/items?p=2"} if first else {})))

    api.server.expect_request("/v1/items").respond_with_handler(handle)
    api.extract(connection="rest", endpoint="items", records="value", paging={"kind": "cursor", "next": "@odata.nextLink"})
    assert ids(api) == [1, 2]


def test_a_link_header_is_followed_unasked(api):
    def handle(request):
        n = int(request.args.get("p", 1))
        return Response(json.dumps([{"id": n}]), headers={"Link": f'</v1/items?p={n + 1}>; rel="next"'} if n < 3 else {})

    api.server.expect_request("/v1/items").respond_with_handler(handle)
    api.extract(connection="rest", endpoint="items")
    assert ids(api) == [1, 2, 3]


@pytest.mark.parametrize(("paging", "told"), [
    ({"kind": "page", "parameter": "seite"}, "page 2 is the same as the page before"),
    ({"kind": "cursor", "next": "next"}, "next one again"),
    ({"kind": "link"}, "next one again")])
def test_a_server_that_does_not_move_on_is_found_out(api, paging, told):
    here = "/v1/items"
    api.server.expect_request(here).respond_with_data(json.dumps({"rows": ALL, "next": "same"}), headers={"Link": f'<{here}>; rel="next"'})
    with pytest.raises(DataError, match=told):
        api.extract(connection="rest", endpoint="items", records="rows", paging=paging)


def test_pages_are_counted(api):
    api.server.expect_request("/v1/items").respond_with_handler(lambda r: Response(json.dumps([{"id": int(r.args["page"])}])))
    with pytest.raises(LimitError, match="more than 5 pages"):
        api.extract(connection="rest", endpoint="items", paging={"kind": "page", "max_pages": 5})


def test_a_preview_stops_at_the_sample(api):
    api.server.expect_request("/v1/items").respond_with_handler(lambda r: Response(json.dumps([{"id": int(r.args["page"])}] * 10)))
    result = api.extract(preview=True, connection="rest", endpoint="items", paging={"kind": "page"},
                         about={"limits": {"source_sample_rows": 25}})
    assert len(api.server.log) == 3
    assert api.last.query("SELECT COUNT(*) AS n FROM rows").to_pylist() == [{"n": 25}]
    assert "a sample" in result.notes[0]


# ---------------------------------------------------------------- rows
def test_columns_hold_every_page_and_nested_values_are_json(api):
    pages = [[{"a": 1, "b": None, "c": {"x": [1]}}, {"a": 2, "d": "late"}], [{"a": 2.5, "b": True, "c": "text", "e": 10**30}], []]
    api.server.expect_request("/v1/items").respond_with_handler(lambda r: Response(json.dumps(pages[int(r.args["page"]) - 1])))
    result = api.extract(connection="rest", endpoint="items", paging={"kind": "page"})
    assert [(c.name, c.type) for c in result.relation.columns] == [
        ("a", "FLOAT64"), ("b", "BOOL"), ("c", "JSON"), ("d", "STRING"), ("e", "STRING")]
    rows = api.rows("rows")
    assert [row["a"] for row in rows] == [1.0, 2.0, 2.5]
    assert [json.loads(row["c"]) if row["c"] else None for row in rows] == [{"x": [1]}, None, "text"]
    assert rows[2]["e"] == str(10**30)


def test_records_that_are_none_are_counted_and_shown(api):
    api.server.expect_request("/v1/items").respond_with_json([{"id": 1}, 7, None, {"id": 2}])
    with pytest.raises(DataError, match="2 of 4 rows cannot be read"):
        api.extract(connection="rest", endpoint="items")
    result = api.extract(connection="rest", endpoint="items", about={"continue_on_error": True})
    assert (result.rows, result.rejected, [r["line"] for r in result.rejects]) == (2, 2, [2, 3])


def test_the_catalogue_types_a_table_and_filters_are_applied_here(api, shop_catalog):
    api.catalog = shop_catalog()
    api.server.expect_request("/v1/products").respond_with_json([
        {"product_id": "1", "price": "1.10", "added": "2025-11-15", "more": 1}, {"product_id": 2, "price": 7, "added": "2025-01-01"}])
    result = api.extract(table="products", incremental={"column": "added", "lookback": "1d"})
    assert result.relation.columns == api.output("generic.extract", {"source": {"table": "products"}})
    assert api.rows("rows") == [{"product_id": 1, "price": Decimal("1.10"), "added": date(2025, 11, 15)}]


def test_no_rows_of_a_catalogued_table_are_its_columns(api, shop_catalog):
    api.catalog = shop_catalog()
    api.server.expect_request("/v1/products").respond_with_json([])
    assert [c.name for c in api.extract(table="products").relation.columns] == ["product_id", "price", "added"]
    with pytest.raises(InputError, match="holds no rows, so its columns are not known"):
        api.extract(connection="rest", endpoint="products")


@pytest.mark.parametrize(("body", "records", "told"), [
    ('{"items": [1', "items", "is no JSON"), ('{"a": NaN}', "", "is no JSON"), ("[" * 100_000, "", "is no JSON"),
    ("<html>", "", "is no JSON"),
    ('{"items": []}', "rows", "no list of records at 'rows'.*source.records to 'items'"), ('"text"', "", "holds no records"),
    ('[{"": 1}]', "", "a field named ''")])
def test_a_body_that_makes_no_sense_is_one_error(api, body, records, told):
    api.server.expect_request("/v1/items").respond_with_data(body)
    with pytest.raises(DataError, match=told) as error:
        api.extract(connection="rest", endpoint="items", records=records)
    assert len(str(error.value)) < 400


# ---------------------------------------------------------------- busy, broken, refused
@pytest.mark.parametrize("status", [429, 500, 503, 408])
def test_a_busy_server_is_asked_once_and_the_rest_is_the_steps_own_retry(api, status):
    api.server.expect_request("/v1/items").respond_with_data("later", status=status)
    with pytest.raises(TransientError, match=f"answers {status}"):
        api.extract(connection="rest", endpoint="items")
    assert len(api.server.log) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_time_has_it_and_the_rows_come_once(api, status):
    answers = iter([Response("later", status=status, headers={"Retry-After": "0"})] * 2)
    api.server.expect_request("/v1/items").respond_with_handler(lambda r: next(answers, None) or Response(json.dumps(ALL)))
    api.extract(connection="rest", endpoint="items")
    assert len(ids(api)) == 7
    assert len(api.server.log) == 3


def test_a_server_that_always_asks_for_time_is_left(api):
    api.server.expect_request("/v1/items").respond_with_data("no", status=503, headers={"Retry-After": "0"})
    with pytest.raises(TransientError, match="answers 503"):
        api.extract(connection="rest", endpoint="items")
    assert len(api.server.log) == rest.PATIENCE + 1


def test_retry_after_is_waited_for_and_too_long_a_wait_is_left_to_the_step(api, monkeypatch):
    waits = []
    monkeypatch.setattr(Cancel, "wait", lambda self, seconds: waits.append(seconds) or False)
    answers = iter([Response("", status=429, headers={"Retry-After": "7"})])
    api.server.expect_request("/v1/items").respond_with_handler(lambda r: next(answers, None) or Response(json.dumps(ALL)))
    api.extract(connection="rest", endpoint="items")
    assert waits == [7.0]
    api.server.clear()
    api.server.expect_request("/v1/items").respond_with_data("", status=429, headers={"Retry-After": "3600"})
    with pytest.raises(TransientError, match="answers 429"):
        api.extract(connection="rest", endpoint="items")
    assert len(api.server.log) == 1


@pytest.mark.parametrize(("status", "kind", "told"), [
    (401, InputError, "credentials do not open it"), (403, InputError, "credentials"), (404, MissingError, "no such endpoint"),
    (302, InputError, "redirects are not followed"), (400, InputError, "answers 400")])
def test_a_refusal_is_final_and_shows_no_secret(api, status, kind, told):
    api.server.expect_request("/v1/items").respond_with_data("", status=status, headers={"Location": "http://169.254.169.254/"})
    with pytest.raises(kind, match=told) as error:
        api.extract(connection="rest", endpoint="items")
    assert len(api.server.log) == 1
    assert "t0ken" not in str(error.value)


def test_a_page_has_a_size(api):
    api.server.expect_request("/v1/items").respond_with_data(json.dumps(["x" * 1000] * 200))
    with pytest.raises(LimitError, match="a page is larger than 0 MiB"):
        api.extract(connection="rest", endpoint="items", about={"limits": {"http_page_bytes": 100_000}})


@pytest.fixture
def cutting():
    """A server that breaks off in mid-body on its first answers, then gives one row. `cut` counts down."""
    server = socket.create_server(("127.0.0.1", 0))
    body = b'[{"id": 1}]'
    state = {"cut": 2, "asked": 0}

    def serve():
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                peer.recv(65536)
                state["asked"] += 1
                cut = state["asked"] <= state["cut"]
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + (body[:4] if cut else body))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    state["url"] = f"http://127.0.0.1:{server.getsockname()[1]}"
    yield state
    server.close()


def test_a_body_that_is_cut_is_transient(api, cutting):
    api.env["PENSTOCK_CONN_REST"] = cutting["url"]
    with pytest.raises(TransientError, match="broke off"):
        api.extract(connection="rest", endpoint="x")
    assert cutting["asked"] == 1


def test_a_host_that_is_not_there_is_unreachable(api):
    api.env["PENSTOCK_CONN_REST"] = "http://127.0.0.1:1"
    with pytest.raises(UnreachableError):
        api.extract(connection="rest", endpoint="x")


def test_a_silent_server_is_left_when_the_run_is_stopped(api):
    silent = socket.create_server(("127.0.0.1", 0))
    api.env["PENSTOCK_CONN_REST"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
    cancel = Cancel()
    threading.Timer(0.3, cancel.set, ["a person"]).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        api.extract(connection="rest", endpoint="x", about={"cancel": cancel})
    assert time.monotonic() - started < 15  # the read limit alone is 30 s
    silent.close()


# ---------------------------------------------------------------- hosts
@pytest.mark.parametrize("endpoint", [
    "http://evil.example/x", "//evil.example/x", "http://169.254.169.254/latest/meta-data", "https://127.0.0.1/x", "file:///etc/passwd",
    "gopher://127.0.0.1:6379/x", "../admin", "a/../../admin", "a/%2e%2e/admin", "http://me:pw@127.0.0.1/x"])
def test_only_the_declared_host_and_path_are_asked(api, endpoint):
    with pytest.raises(InputError):
        api.extract(connection="rest", endpoint=endpoint)
    assert api.server.log == []


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "0.0.0.0", "[::ffff:169.254.169.254]", "0xA9FEA9FE"])
def test_a_metadata_address_is_never_asked_even_when_declared(bench, host):
    bench.env["PENSTOCK_CONN_REST"] = f"http://{host}/"
    with pytest.raises((InputError, UnreachableError), match=r"link-local|not known"):
        bench.extract(connection="rest", endpoint="latest")


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "http://[::1", "mysql://u:hunter2@h/d"])
def test_an_address_of_another_kind_is_told_without_its_secret(bench, url):
    bench.env["PENSTOCK_CONN_REST"] = url
    with pytest.raises(InputError) as error:
        bench.extract(connection="rest", endpoint="x")
    assert "hunter2" not in str(error.value)


def test_an_address_on_the_declared_host_may_be_written_in_full(api):
    api.server.expect_request("/v1/items").respond_with_json(ALL)
    api.extract(connection="rest", endpoint=api.server.url_for("/v1/items?x=1"))
    assert len(ids(api)) == 7
    assert api.server.log[0][0].args["x"] == "1"
