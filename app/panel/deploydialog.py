"""What the deploy dialog asks and says: where, when, with which values, what it writes and what it costs; nothing happens before Deploy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app.door import service
from app.parts.act import act, outcome
from app.parts.escape import code, plain, quoted
from app.parts.role import barred
from app.talk.words import money, problem
from flows.errors import PenstockError
from flows.show.units import size
from flows.spec.model import Schedule
from flows.spec.times import said

PLACE = "deploy"
ENVIRONMENTS = {"local": "Local", "production": "Production"}
UNITS = {"minutes": 60, "hours": 3600, "days": 86_400}
NEXT = 5
KEPT = "deploy_price"


def deploying(spec: dict[str, Any], version: int, writes: Sequence[str]) -> bool:
    """Draw it; whether the pipeline was deployed."""
    pipeline_id = str(spec["pipeline_id"])
    environment = st.segmented_control("Environment", list(ENVIRONMENTS), format_func=ENVIRONMENTS.__getitem__, default="local",
                                       required=True, key="deploy_environment", width="stretch") or "local"
    there = next((each for each in service().deployments(pipeline_id=pipeline_id) if each.environment == environment), None)
    chosen, good = _schedule(spec, there)
    values = _values(spec, there)
    priced = st.container(gap="xsmall", key="deploy_costs")
    with priced:
        st.markdown(f"Deploys version {version}. Each run writes {', '.join(code(each) for each in writes) or 'no table'}.")
        if there is not None and there.paused:
            st.markdown(":orange[:material/pause: It is paused and stays paused: resume it afterwards.]")
    why_not = barred("operator")

    def deploy() -> None:
        service().deploy(pipeline_id, environment=environment, schedule=chosen, params=values)
        st.session_state["deploy_done"] = True

    st.button("Deploy", key="deploy_yes", type="primary", icon=":material/rocket_launch:", on_click=act,
              args=(PLACE, deploy, f"{plain(spec.get('name') or pipeline_id)} is deployed."), disabled=bool(why_not) or not good,
              help=why_not or (None if good else "Mend the schedule first."))
    if st.session_state.pop("deploy_done", False):
        return True
    outcome(PLACE)
    with priced:
        _price({**spec, "schedule": chosen}, version, environment, good)
    return False


def _schedule(spec: Mapping[str, Any], there: Any) -> tuple[dict[str, Any], bool]:
    """What `deploy` is given as schedule, and whether it can be one; the next times under it."""
    own, held = spec.get("schedule") or {}, dict(there.schedules[0]) if there is not None and there.schedules else {}
    ways = {"own": f"As in the pipeline: {_small(own)}"} if own else {}
    if held and _words(held) != _words(own):
        ways["held"] = f"As it is deployed: {_small(held)}"
    ways |= {"cron": "By a cron line", "every": "At an interval"}
    how = st.selectbox("Schedule", list(ways), format_func=ways.__getitem__, key="deploy_how")
    chosen: dict[str, Any] = dict(own if how == "own" else held)
    if how == "cron":
        left, right = st.columns([3, 2])
        cron = left.text_input("Cron line", value=str(own.get("cron") or "0 2 * * *"), key="deploy_cron",
                               help="Minute, hour, day of the month, month, day of the week.")
        zone = right.text_input("Time zone", value=str(own.get("timezone") or "UTC"), key="deploy_zone", help="A name like Europe/Lisbon.")
        chosen = {"cron": " ".join(cron.split()), "timezone": zone.strip() or "UTC"}
    elif how == "every":
        left, right = st.columns(2)
        number = left.number_input("Every", min_value=1, value=60, step=1, key="deploy_number")
        unit = right.selectbox("Unit", list(UNITS), key="deploy_unit", format_func=str.capitalize)
        chosen = {"interval_seconds": int(number) * UNITS[unit or "minutes"]}
    try:
        times = service().next_times(chosen, count=NEXT)
    except PenstockError as error:
        st.error(problem(error), icon=":material/error:")
        return chosen, False
    st.markdown(f"{plain(_words(chosen))}. The next {len(times)} runs:  \n{following(times)}")
    return chosen, True


def _words(schedule: Mapping[str, Any]) -> str:
    """`Every day at 02:00 UTC`, `Every hour`; "" for none."""
    return said(Schedule.model_validate(schedule)) if schedule else ""


def _small(schedule: Mapping[str, Any]) -> str:
    """The same inside of a sentence, for a list of choices: they are no markdown."""
    words = _words(schedule)
    return words[:1].lower() + words[1:]


def following(times: Sequence[Any]) -> str:
    """The next times as one quiet line."""
    words = " · ".join(f"{each:%a %-d %b %H\\:%M}" for each in times)
    return f":gray[:small[{words} UTC]]"


def _values(spec: Mapping[str, Any], there: Any) -> dict[str, str] | None:
    """Values that every run is given; None: as they are. The run date is the day of each run."""
    fields = [each for each in spec.get("parameters") or [] if each["name"] != "run_date"]
    if not fields:
        return None
    held = dict(there.params) if there is not None else {}
    with st.expander("Values of every run", key="deploy_params"):
        for each in fields:
            usual = each.get("default")
            st.text_input(plain(str(each["name"]).replace("_", " ").capitalize()), value=str(held.get(each["name"], "")),
                          placeholder=f"As in the pipeline: {usual}" if usual is not None else "", key=f"deploy_param_{each['name']}",
                          help=plain(each["description"]) if each.get("description") else None)
    found = {each["name"]: value for each in fields if (value := str(st.session_state.get(f"deploy_param_{each['name']}") or "").strip())}
    return found if found != {name: str(value) for name, value in held.items()} else None


def _price(spec: dict[str, Any], version: int, environment: str, good: bool) -> None:
    """What a run and a month of it cost, looked up once for each choice."""
    if not good:
        return
    asked = (service().tenant, spec["pipeline_id"], version, environment, str(spec.get("schedule")))
    kept = st.session_state.get(KEPT)
    if kept is None or kept[0] != asked:
        with st.spinner("Looking up the price"):
            st.session_state[KEPT] = kept = (asked, cost(spec, environment))
    st.markdown(kept[1])


def cost(spec: dict[str, Any], environment: str) -> str:
    """`A run scans about 40 MiB of BigQuery, under $0.01; a month of 30 runs $0.02, paid by project x.`"""
    try:
        tag = service().price(spec, environment=environment)
    except PenstockError as error:
        return f":orange[:material/payments: The price is not known.] {problem(error)}"
    if tag.complete and not tag.bytes:
        nothing = "A run scans nothing of BigQuery and costs nothing there." if environment == "production" else \
            "In production a run would scan nothing of BigQuery."
        return f":gray[:material/payments: {nothing}]"
    about = "about" if tag.complete else "at least"
    does = "scans" if environment == "production" else "would, in production, scan"
    month = f"; a month of it costs {money(tag.usd_a_month)}" if tag.usd_a_month is not None else ""
    project = service().settings.project if environment == "production" else ""
    payer = f", paid by the project {code(project)}" if project else ""
    over = "".join(f" :red[{quoted(each.message)}.]" for each in tag.over_budget)
    local = " A local run costs nothing." if environment == "local" else ""
    return f":material/payments: A run {does} {about} {size(tag.bytes)} of BigQuery, {money(tag.usd)}{month}{payer}.{local}{over}"
