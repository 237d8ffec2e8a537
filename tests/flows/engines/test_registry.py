import importlib.metadata
import sys
import types

import pytest

from flows.engines import registry
from flows.engines.base import EngineConfig, StepResult
from flows.errors import MissingError, PenstockError
from flows.spec.model import FlowSpec

CONTRACT = {f"generic.{name}" for name in ("extract", "transform", "sql", "quality_check", "load", "export", "wait")}


def test_the_building_blocks_are_found_by_their_path():
    assert set(registry.names()) >= CONTRACT
    assert registry.names() == sorted(registry.names())


def test_listing_imports_no_engine():
    import subprocess

    code = "import sys; from flows.engines import registry; registry.names(); print(sorted(m for m in sys.modules if 'engines' in m))"

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "flows.engines.generic" not in told


@pytest.mark.parametrize(("said", "near"), [
    ("generic.extrct", "generic.extract"), ("extract", "generic.extract"), ("Generic.Load", "generic.load")])
def test_an_unknown_engine_names_its_neighbour(said, near):
    with pytest.raises(MissingError, match=f"Did you mean '{near}'"):
        registry.engine(said)


@pytest.mark.parametrize("said", ["os", "os.path", "base", "registry", "generic", "generic.__init__", "generic/extract",
                                  "../generic.extract", "", "flows.engines.generic.extract"])
def test_a_name_is_looked_up_and_never_imported(said):
    with pytest.raises(MissingError):
        registry.engine(said)


@pytest.mark.parametrize("ps_type", sorted(CONTRACT))
def test_every_engine_describes_itself(ps_type):
    told = registry.describe(ps_type)
    assert told["summary"]
    assert told["text"]
    assert "\n" not in told["summary"]
    assert told["schema"]["additionalProperties"] is False
    assert {field["name"].split(".")[0] for field in told["fields"]} <= {"source", "destination", "config"}
    assert told["fields"]


def test_fields_say_type_and_whether_they_are_needed():
    fields = {field["name"]: field for field in registry.describe("generic.load")["fields"]}
    assert fields["config.input"]["required"]
    assert fields["destination.mode"] | {"description": ""} == {
        "name": "destination.mode", "type": "append | overwrite | merge | replace_partition", "required": False, "default": "overwrite",
        "description": ""}
    assert fields["destination.keys"]["type"] == "list of string"


@pytest.fixture
def stranger(monkeypatch):
    """An installed package that brings engines; the list of names it registers is returned to be filled."""
    module = types.ModuleType("strange_engine", "Greets people.")

    class Config(EngineConfig):
        """No blocks."""

    module.Config, module.run = Config, lambda config, context: StepResult(rows=1)
    monkeypatch.setitem(sys.modules, "strange_engine", module)
    points = []
    monkeypatch.setattr(registry, "entry_points", lambda group: [p for p in points if group == registry.GROUP])
    registry._strangers.cache_clear()

    def add(name, value="strange_engine"):
        points.append(importlib.metadata.EntryPoint(name, value, registry.GROUP))

    yield add
    registry._strangers.cache_clear()
    registry._load.cache_clear()


def test_a_package_brings_engines_through_the_same_door(stranger):
    stranger("acme.hello")
    engine = registry.engine("acme.hello")
    assert "acme.hello" in registry.names()
    assert engine.summary == "Greets people"
    assert engine.run(engine.Config(), None).rows == engine.preview(engine.Config(), None).rows == 1
    assert engine.inputs(engine.Config()) == []
    assert engine.output(engine.Config(), None) is None


def test_a_package_cannot_take_the_place_of_an_engine(stranger):
    stranger("generic.load")
    assert registry.engine("generic.load").summary != "Greets people"


def test_a_module_that_breaks_the_contract_is_named(stranger):
    stranger("acme.broken", "json")
    stranger("acme.gone", "no_such_module_at_all")
    with pytest.raises(PenstockError, match="breaks the contract"):
        registry.engine("acme.broken")
    with pytest.raises(PenstockError, match="cannot be loaded"):
        registry.engine("acme.gone")


def spec(*steps):
    return FlowSpec.model_validate({"pipeline_id": "p", "steps": list(steps)})


def test_columns_are_named_after_the_table_that_was_read():
    words = registry.table_words(spec(
        {"step_id": "extract_customers", "ps_type": "generic.extract", "source": {"table": "customers"}},
        {"step_id": "check", "ps_type": "generic.quality_check", "config": {"input": "extract_customers"}},
        {"step_id": "mart", "ps_type": "generic.extract", "source": {"table": "mart.daily-revenue"}},
        {"step_id": "paid-only", "ps_type": "generic.transform", "config": {"inputs": ["check"]}}))
    assert words == {"extract_customers": "customers", "check": "customers", "mart": "daily_revenue", "paid-only": "paid_only"}


def test_rows_are_credited_to_the_one_connection_they_came_from(shop_catalog):
    found = registry.credentials(spec(
        {"step_id": "o", "ps_type": "generic.extract", "source": {"table": "orders"}},
        {"step_id": "p", "ps_type": "generic.extract", "source": {"connection": "rest", "endpoint": "p"}},
        {"step_id": "f", "ps_type": "generic.extract", "source": {"path": "x.csv"}},
        {"step_id": "one", "ps_type": "generic.transform", "config": {"inputs": ["o", "customers"]}},
        {"step_id": "two", "ps_type": "generic.transform", "config": {"inputs": ["o", "p"]}},
        {"step_id": "load", "ps_type": "generic.load", "config": {"input": "one"}}), shop_catalog())
    assert found == {"o": "postgres", "p": "rest", "f": "none", "one": "postgres", "two": "none", "load": "postgres"}
