"""Promises of did-you-mean."""

from __future__ import annotations

from flows.spec.suggest import did_you_mean, suggest


def test_the_nearest_name_comes_first() -> None:
    assert suggest("custmers", ["orders", "customers", "customer_sync"])[0] == "customers"
    assert suggest("ORDERS", ["order", "orders"])[0] == "orders"
    assert suggest("xyz", ["orders", "customers"]) == []
    assert len(suggest("order", ["orders", "orders2", "orders3", "orders4"], 2)) == 2


def test_what_all_names_share_does_not_count() -> None:
    known = ["generic.wait", "generic.extract", "aws.extract"]
    assert suggest("generic.quality_check", known) == []
    assert suggest("generic.extarct", known)[0] == "generic.extract"
    assert suggest("genric.wait", known)[0] == "generic.wait"
    assert suggest("wait", known) == ["generic.wait"]
    assert suggest("gallery/nope", ["gallery/anomaly_alert", "gallery/top_products"]) == []
    assert suggest("gallery/top_product", ["gallery/anomaly_alert", "gallery/top_products"]) == ["gallery/top_products"]


def test_the_sentence_is_empty_when_nothing_is_near() -> None:
    assert did_you_mean("oders", ["orders"]) == "Did you mean 'orders'?"
    assert did_you_mean("oders", []) == ""
