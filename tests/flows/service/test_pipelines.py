"""The Python API: pipelines by their id, async and blocking, several at once, with the errors that it promises."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading

import pytest

from flows import Penstock, Pipeline, PipelineGenerationError, PipelineOptions, ValidationError
from flows.access import KEY, Identity, needed
from flows.errors import DeploymentError, ForbiddenError, InputError, MissingError, PenstockError
from flows.service.pipelines import Pipelines

WORDS = "sum amount per country from paid orders into mart.by_country every day at 2 AM"
QUICK = PipelineOptions(optimize=False, validate=False)
TWINS = [name.removesuffix("_sync") for name in vars(Pipelines) if name.endswith("_sync")]


@pytest.fixture
def door(settings):
    with Penstock(settings=settings) as opened:
        yield opened


def audit(door):
    return [(row.action, row.target, row.after, row.via) for row in door.store.audit.find(door.tenant)]


def test_words_become_a_pipeline_whose_id_works_in_the_next_call(door):
    made = door.generate_pipeline_sync(WORDS)
    assert (made.id, made.version, made.name) == ("by-country", 1, "By country")
    assert made.description == WORDS
    assert "times are UTC" in made.assumptions
    assert door.get_pipeline_sync("by-country").spec == made.spec
    assert door.validate_pipeline_sync("by-country", "full").ok
    assert door.get_pipeline_status_sync("by-country").state == "NEVER_RAN"
    assert door.generate_pipeline_sync(WORDS).version == 1


def test_a_new_version_has_its_row_in_the_audit_log(door):
    for options in (QUICK, QUICK, PipelineOptions(include_monitoring=False, validate=False)):
        door.generate_pipeline_sync(WORDS, options=options)
    assert audit(door) == [("pipeline.save", "by-country", {"version": version}, "python") for version in (2, 1)]
    assert door.get_pipeline_sync("by-country", 1).spec != door.get_pipeline_sync("by-country").spec


def test_the_audit_log_names_the_planner_of_a_draft_and_none_for_a_spec_of_somebody(door):
    run = door.submit(door.plan(WORDS))
    door.cancel(run.run_id)
    door.submit(run.spec)
    made = door.generate_pipeline_sync("sum amount per day from paid orders into mart.by_day every day at 2 AM", options=QUICK)
    seen = {row.seq: (row.action, row.planner) for row in door.store.audit.find(door.tenant) if row.action in ("run", "pipeline.save")}
    assert [seen[seq] for seq in sorted(seen)] == [("run", "embedded"), ("run", ""), ("pipeline.save", "embedded")]
    assert made.version == 1


def test_the_graph_is_plain_data_and_the_code_is_of_the_spec(door):
    made = door.generate_pipeline_sync(WORDS, options=QUICK)
    dag = made.dag
    assert [node["id"] for node in dag["nodes"]] == ["extract_orders", "extract_customers", "transform", "load", "check_load"]
    assert {"from": "extract_orders", "to": "transform"} in dag["edges"]
    assert dag["nodes"][0] == {"id": "extract_orders", "name": "Read orders", "type": "generic.extract"}
    assert made.code == door.python("by-country")
    assert json.loads(json.dumps(made.as_dict()))["dag"] == dag
    shown = made._repr_mimebundle_()
    assert "by-country, version 1" in shown["text/plain"]
    assert "<svg" in shown["text/html"]
    assert repr(made) == "Pipeline(id='by-country', version=1)"


@pytest.mark.parametrize(("words", "said", "questions"), [
    ("", "the text is empty", 0),
    ("load orders", "the description leaves a question open", 1),
    ("drop table orders", "would destroy data", 1),
    ("show me the runs of yesterday", "does not describe a new pipeline", 0),
])
def test_words_that_leave_something_open_are_an_error_with_its_questions(door, words, said, questions):
    with pytest.raises(PipelineGenerationError, match=said) as raised:
        door.generate_pipeline_sync(words)
    assert len(raised.value.questions) == questions
    assert all(question["message"] in str(raised.value) or question["message"].rstrip(".") in str(raised.value)
               for question in raised.value.questions)
    assert door.store.specs.list(door.tenant) == []


@pytest.mark.parametrize(("words", "options", "where"), [(None, None, "description"), (5, None, "description"), (WORDS, "fast", "options"),
                                                        (WORDS, {"optimize": False}, "options")])
def test_what_is_no_text_and_no_options_is_said_so(door, words, options, where):
    with pytest.raises(PipelineGenerationError) as raised:
        door.generate_pipeline_sync(words, options=options)
    assert raised.value.where == where
    with pytest.raises(MissingError, match="there is no pipeline None"):
        door.validate_pipeline_sync(None)


def test_an_option_that_is_neither_on_nor_off_is_not_taken_for_on():
    with pytest.raises(PipelineGenerationError, match="'no' is neither True nor False"):
        PipelineOptions(optimize="no")


def test_the_errors_stand_below_the_one_root():
    assert all(issubclass(kind, PenstockError) for kind in (PipelineGenerationError, ValidationError, DeploymentError))


def test_a_project_must_be_the_tenants(settings, monkeypatch, home):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "acme-prod")
    with Penstock(home=home) as door:
        made = door.generate_pipeline_sync(WORDS, "acme-prod", PipelineOptions(optimize=False))
        assert made.spec.step("load").destination["table"] == "acme-prod.mart.by_country"
        with pytest.raises(PipelineGenerationError, match=r"project_id: project 'other' is not yours. Use 'acme-prod', or leave it out"):
            door.generate_pipeline_sync(WORDS, "other")
    with Penstock(settings=settings) as door, pytest.raises(PipelineGenerationError, match="set GOOGLE_CLOUD_PROJECT"):
        door.generate_pipeline_sync(WORDS, "acme-prod")


def test_the_full_check_of_the_options_is_real(door):
    spec = door.source(door.plan(WORDS)).spec.as_dict()
    spec["steps"][0]["source"] = {"connection": "nowhere", "table": "orders"}
    with pytest.raises(ValidationError) as raised:
        door._must_hold(door.source(spec).spec)
    assert [problem.path for problem in raised.value.problems][:1] == ["steps.extract_orders.source.connection"]


def test_a_template_becomes_a_pipeline_of_ones_own(door):
    made = door.generate_from_template_sync("gallery/basic_etl", {"pipeline_id": "mine", "destination_table": "mart.mine"})
    assert (made.id, made.version) == ("mine", 1)
    assert made.spec.variables["destination_table"] == "mart.mine"
    with pytest.raises(PipelineGenerationError, match="there is no parameter 'destination_tabel'"):
        door.generate_from_template_sync("gallery/basic_etl", {"destination_tabel": "mart.mine"})
    with pytest.raises(MissingError, match="basic_etl"):
        door.generate_from_template_sync("gallery/basic_elt")
    with pytest.raises(ValidationError):
        door.generate_from_template_sync("gallery/basic_etl", {"destination_table": "x y; drop table"})


def test_an_id_is_never_a_file_or_a_template(door, tmp_path):
    (tmp_path / "here" / "secret").write_text("pipeline_id: p\nsteps: [{step_id: a, ps_type: generic.wait, config: {seconds: 0}}]\n")
    for name in ("secret", "gallery/basic_etl"):
        for call in (door.validate_pipeline_sync, door.run_pipeline_sync, door.get_pipeline_status_sync, door.get_pipeline_sync):
            with pytest.raises(MissingError, match="there is no pipeline"):
                call(name)


def test_async_mode_queues_a_run_and_the_status_says_why_it_waits(door):
    door.generate_pipeline_sync(WORDS, options=QUICK)
    view = door.run_pipeline_sync("by-country", {"run_date": "2025-11-15"}, async_mode=True)
    assert (view.run.status, str(view.run.run_date), view.run.version) == ("PENDING", "2025-11-15", 1)
    status = door.get_pipeline_status_sync("by-country")
    assert (status.state, status.run.run.run_id) == ("PENDING", view.run.run_id)
    assert "penstock up" in status.why
    assert json.loads(json.dumps(status.as_dict()))["run"]["run_id"] == view.run.run_id
    with pytest.raises(InputError, match="nonsense"):
        door.run_pipeline_sync("by-country", {"nonsense": 1}, async_mode=True)


@pytest.mark.parametrize("name", TWINS)
def test_each_blocking_method_has_a_coroutine_of_the_same_form_and_role(name):
    twin, blocking = getattr(Pipelines, name), getattr(Pipelines, f"{name}_sync")
    assert inspect.iscoroutinefunction(twin)
    assert inspect.signature(twin) == inspect.signature(blocking)
    assert (twin.__name__, twin.__doc__) == (name, blocking.__doc__)
    assert needed(twin) == needed(blocking) != ""


def test_several_are_at_work_at_the_same_time(door, monkeypatch):
    """Each waits until all are inside: one after the other would never end."""
    inside, real = threading.Barrier(4, timeout=30), Penstock.plan

    def plan(self, text, **more):
        inside.wait()
        return real(self, text, **more)

    monkeypatch.setattr(Penstock, "plan", plan)
    words = [f"load {table} into mart.copy_{table}" for table in ("orders", "customers", "payments", "products")]
    ids = ["copy-orders", "copy-customers", "copy-payments", "copy-products"]

    async def together():
        return await asyncio.gather(*(door.generate_pipeline(text, options=QUICK) for text in words))

    assert [made.id for made in asyncio.run(together())] == ids
    assert [made.id for made in door.generate_many_sync(words, options=QUICK)] == ids


def test_many_keep_their_order_and_an_error_is_in_its_place(door):
    async def both():
        made = await door.generate_many([WORDS, "load orders"], options=QUICK)
        return made, await door.validate_many([made[0], "nope"], "semantic")

    (made, failed), (report, missing) = asyncio.run(both())
    assert isinstance(made, Pipeline)
    assert isinstance(failed, PipelineGenerationError)
    assert report.ok
    assert isinstance(missing, MissingError)


def test_the_blocking_methods_work_where_a_loop_runs(door):
    async def cell():
        return door.generate_pipeline_sync(WORDS, options=QUICK), door.validate_many_sync(["by-country"])

    made, [report] = asyncio.run(cell())
    assert (made.id, report.ok) == ("by-country", True)


def test_a_role_is_asked_for_when_it_is_awaited_and_before_anything_is_read(door):
    door.generate_pipeline_sync(WORDS, options=QUICK)
    viewer = door.acting(Identity(door.tenant, "viewer", "key:v", KEY, "k1"))
    assert viewer.get_pipeline_sync("by-country").id == "by-country"
    for made in (viewer.generate_pipeline(WORDS), viewer.run_pipeline("by-country"), viewer.generate_from_template("gallery/basic_etl")):
        with pytest.raises(ForbiddenError, match="the role viewer may not"):
            asyncio.run(made)
    with pytest.raises(ForbiddenError, match="the role viewer may not start runs"):
        next(viewer.follow("by-country"))
    stranger = door.acting(Identity("other", "admin", "key:o", KEY, "k2"))
    for name in ("get_pipeline", "validate_pipeline", "run_pipeline", "get_pipeline_status"):
        with pytest.raises(MissingError):
            getattr(stranger, f"{name}_sync")("by-country")


def test_it_is_deployed_rolled_back_and_its_status_says_so(door):
    first = door.generate_pipeline_sync(WORDS, options=QUICK)
    deployed = door.deploy_pipeline_sync(first)
    assert (deployed.version, deployed.words, deployed.environment) == (1, "Every day at 02:00 UTC", "local")
    assert len(deployed.next) == 5
    door.generate_pipeline_sync(WORDS, options=PipelineOptions(include_monitoring=False, validate=False))
    assert door.deploy_pipeline_sync("by-country", schedule="0 5 * * *").version == 2
    [standing] = door.get_pipeline_status_sync("by-country").deployments
    assert (standing.version, standing.words) == (2, "Every day at 05:00 UTC")
    back = door.rollback_deployment_sync("by-country")
    assert (back.version, back.before, [each.version for each in back.deployments]) == (1, 2, [1])
    assert door.get_pipeline_sync("by-country").spec == first.spec


def test_what_cannot_be_deployed_is_a_deployment_error(door):
    door.generate_pipeline_sync("load orders into mart.copy_orders", options=QUICK)
    wrong_ones = [({"schedule": None}, "has no schedule"), ({"schedule": "every now and then"}, "schedule.cron: .*five fields"),
                  ({"schedule": {"cron": "61 5 * * *"}}, "schedule.cron"), ({"environment": "moon", "schedule": "0 5 * * *"}, "moon")]
    for wrong, said in wrong_ones:
        with pytest.raises(DeploymentError, match=said):
            door.deploy_pipeline_sync("copy-orders", **wrong)
    with pytest.raises(MissingError):
        door.deploy_pipeline_sync("nope", schedule="0 5 * * *")
    with pytest.raises(DeploymentError, match="runs version 1 already"):
        door.rollback_deployment_sync("copy-orders", 1)
    assert door.deployments() == []
