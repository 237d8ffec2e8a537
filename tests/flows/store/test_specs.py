"""Saved specs and their versions."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from flows.errors import InputError, MissingError
from flows.store import Store, open_store


def spec(pipeline: str = "orders", **fields: Any) -> dict[str, Any]:
    return {"pipeline_id": pipeline, "name": "Orders", "steps": [{"step_id": "b"}, {"step_id": "a"}], **fields}


def test_a_spec_is_read_back_as_it_was_saved(store: Store) -> None:
    written = {"steps": [{"step_id": "z", "config": {"b": 1, "a": [True, None, 1.5, "ä\u0000"]}}], "pipeline_id": "orders", "name": "N"}
    saved = store.specs.save("demo", written, text="load the orders", author="ann")
    assert (saved.pipeline_id, saved.version, saved.text, saved.author) == ("orders", 1, "load the orders", "ann")
    assert store.specs.get("demo", "orders") == saved
    assert saved.spec == written
    assert list(saved.spec) == list(written)
    assert list(saved.spec["steps"][0]["config"]) == ["b", "a"]


def test_the_same_content_makes_no_new_version(store: Store) -> None:
    first = store.specs.save("demo", spec(schedule=None))
    assert store.specs.save("demo", dict(reversed(spec(schedule=None).items()))) == first
    second = store.specs.save("demo", spec(schedule={"cron": "0 2 * * *"}))
    assert (first.version, second.version) == (1, 2)
    assert first.digest != second.digest
    assert store.specs.save("demo", spec(schedule=None)).version == 3  # back to what it was is a change again
    assert [each.version for each in store.specs.versions("demo", "orders")] == [3, 2, 1]
    assert store.specs.get("demo", "orders", 1) == first


def test_the_order_of_steps_is_content(store: Store) -> None:
    store.specs.save("demo", spec())
    assert store.specs.save("demo", spec(steps=[{"step_id": "a"}, {"step_id": "b"}])).version == 2


def test_the_newest_of_every_pipeline_is_listed(store: Store) -> None:
    for name in ("b", "a", "b"):
        store.specs.save("demo", spec(name, description=f"{len(store.specs.versions('demo', name))}"))
    assert [(each.pipeline_id, each.version) for each in store.specs.list("demo")] == [("a", 1), ("b", 2)]


def test_a_spec_needs_a_pipeline_id(store: Store) -> None:
    for pipeline in (None, "", 7):
        with pytest.raises(InputError, match="the spec has no pipeline_id"):
            store.specs.save("demo", {"pipeline_id": pipeline, "steps": []})


def test_what_is_missing_reads_the_same_for_every_tenant(store: Store) -> None:
    store.specs.save("demo", spec())
    texts = set()
    for tenant, name in (("other", "orders"), ("demo", "nobody")):
        with pytest.raises(MissingError) as missing:
            store.specs.get(tenant, name)
        texts.add(str(missing.value).replace(repr(name), "ID"))
    assert len(texts) == 1
    assert store.specs.list("other") == store.specs.versions("other", "orders") == []
    with pytest.raises(MissingError, match="there is no version 2 of pipeline 'orders'"):
        store.specs.get("demo", "orders", 2)
    assert store.specs.save("other", spec(name="Mine")).version == 1


def test_savers_at_once_get_versions_without_gap_or_double(store: Store, url: str) -> None:
    made: list[int] = []
    second = open_store(url)

    def save(number: int) -> None:
        for n in range(5):
            made.append((store, second)[number % 2].specs.save("demo", spec(description=f"{number} {n}")).version)

    threads = [threading.Thread(target=save, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    second.dispose()
    assert sorted(made) == list(range(1, 31))


def test_a_certificate_belongs_to_one_version(store: Store) -> None:
    first = store.specs.save("demo", spec())
    assert first.certificate is None
    store.specs.certify("demo", "orders", 1, {"verdict": "same", "steps": [{"step_id": "a", "verdict": "same"}]})
    again = store.specs.save("demo", spec())
    assert (again.version, (again.certificate or {})["verdict"]) == (1, "same")
    assert store.specs.save("demo", spec(description="other")).certificate is None
    store.specs.certify("demo", "orders", 1, {"verdict": "different", "steps": []})
    assert store.specs.get("demo", "orders", 1).certificate == {"verdict": "different", "steps": []}
    assert store.specs.get("demo", "orders").certificate is None
    with pytest.raises(MissingError, match="there is no version 7"):
        store.specs.certify("demo", "orders", 7, {})


def test_a_version_that_was_gone_back_to_is_in_force_until_something_new_is_saved(store: Store) -> None:
    for number in (1, 2, 3):
        store.specs.save("demo", spec(description=str(number)))
    assert store.specs.put_in_force("demo", "orders", 1) == 3
    assert store.specs.get("demo", "orders").version == 1
    assert [each.version for each in store.specs.list("demo")] == [1]
    assert store.specs.newest("demo") == {"orders": 3}
    assert store.specs.save("demo", spec(description="1")).version == 1
    assert store.specs.save("demo", spec(description="3")).version == 4
    assert store.specs.get("demo", "orders").version == 4


def test_a_version_that_is_not_there_cannot_be_in_force(store: Store) -> None:
    store.specs.save("demo", spec())
    for tenant, pipeline, version in (("demo", "orders", 2), ("other", "orders", 1), ("demo", "none", 1)):
        with pytest.raises(MissingError):
            store.specs.put_in_force(tenant, pipeline, version)
    assert store.specs.list("other") == []
