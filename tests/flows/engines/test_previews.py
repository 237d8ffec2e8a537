"""A preview has no side effects: no network, nothing written anywhere, whatever the engine."""

import socket

import pytest

CASES = [
    ("generic.extract", {"source": {"table": "shop.orders"}}), ("generic.extract", {"source": {"path": "a.csv"}}),
    ("generic.extract", {"source": {"query": "SELECT 1 AS a"}}),
    ("generic.transform", {"config": {"inputs": ["rows"], "operations": [{"op": "sort", "by": [{"column": "id"}]}]}}),
    ("generic.sql", {"config": {"inputs": ["rows"], "query": "SELECT id FROM rows"}}),
    ("generic.quality_check", {"config": {"input": "rows", "checks": [{"check": "positive", "column": "id", "on_fail": "quarantine"}]}}),
    ("generic.load", {"config": {"input": "rows"}, "destination": {"engine": "bigquery", "table": "shop.orders"}}),
    ("generic.load", {"config": {"input": "rows"}, "destination": {"engine": "csv", "path": "out.csv"}}),
    ("generic.export", {"config": {"input": "rows"}, "destination": {"engine": "excel", "path": "new/out.xlsx"}}),
    ("generic.wait", {"config": {"until": {"table": "shop.orders"}}}), ("generic.wait", {"config": {"seconds": 60}}),
    ("shared.email_notification", {"config": {"to": "ops@example.com"}}), ("shared.slack_notification", {"config": {"channel": "#data"}}),
]


def snapshot(folder):
    return {file: (file.stat().st_mtime_ns, file.stat().st_size) for file in folder.rglob("*") if "control.sqlite" not in file.name}


@pytest.mark.parametrize(("ps_type", "blocks"), CASES)
def test_no_preview_writes_or_calls_out(bench, monkeypatch, ps_type, blocks):
    bench.table("shop.orders", "SELECT 1 AS id")
    bench.made("rows", "SELECT 1 AS id UNION ALL SELECT -1")
    bench.file("a.csv", "id\n1\n")
    before, tables = snapshot(bench.settings.home.parent), [bench.store.manifest.table("demo", "shop.orders").version]

    def refuse(*args):
        raise AssertionError("a preview called out")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    bench.run(ps_type, "step", preview=True, blocks=blocks)
    assert snapshot(bench.settings.home.parent) == before
    assert [bench.store.manifest.table("demo", "shop.orders").version] == tables
    assert bench.session().list_tables() == ["shop.orders"]
