"""Templates: pipelines to start from; each says how it works and becomes one's own with a few values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.door import service, talks
from app.panel.previewview import shown, telling
from app.panel.recipe import Listed, Values, about, fields, given, listed, wrong
from app.panel.specview import english
from app.panel.whole import whole
from app.parts.empty import empty
from app.parts.escape import code, plain, quoted
from app.parts.role import barred
from app.parts.search import ALL, clear, search
from app.talk import words
from app.talk.turn import Draft, State
from flows.errors import MissingError, PenstockError
from flows.show.units import seconds, several

VIEWS = {"graph": "Graph", "words": "In plain English", "yaml": "YAML", "preview": "Preview"}
ROWS = 200
SEEN = "templates_seen"  # the newest preview and the text that it is of


# ---- the list

def gallery() -> None:
    """Search, domains, cards."""
    st.title("Templates", anchor=False)
    st.caption("Pipelines to start from. Each runs as it stands on the sample shop; a few values make it yours.")
    every = listed()
    q, domain = search("templates", dict.fromkeys(each.domain for each in every), "Search templates", _domain)
    found = [each for each in every if domain in (ALL, each.domain) and each.has(q)]
    if not found:
        called = f" Nothing is called “{plain(q)}”." if q else ""
        with empty(f"No template matches.{called} Clear the search, or describe the pipeline in chat.", key="templates", icon="search_off"):
            st.button("Clear the search", key="templates_clear", on_click=clear)
        return
    cards(found)


def cards(found: Sequence[Listed]) -> None:
    """Three in a row on a desktop, all of one height."""
    with st.grid(3, min_column_width=280, key="templates_cards"):
        for n, each in enumerate(found):
            with st.container(border=True, height="stretch", vertical_alignment="distribute", key=f"template_{n}"):
                with st.container(gap="xsmall"):
                    st.markdown(f"**{plain(each.title)}**")
                    st.markdown(f":red[:material/error: {quoted(each.problem)}]" if each.problem else f":gray[{plain(each.sentence)}.]")
                with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                    st.markdown(f":gray-badge[{plain(_domain(each.domain))}]", width="content")
                    st.button("Open", key=f"template_open_{each.name}", on_click=_open, args=(each.name,),
                              help=f"Look at {code(each.name)}")


def _domain(name: str) -> str:
    return name if name == ALL else name.capitalize() if "/" not in name else name.replace("/", " · ")


def _open(name: str) -> None:
    st.query_params["template"] = name


def _back() -> None:
    """To the list as it was; what was typed into the template is left with it."""
    kept = {name: value for name, value in st.query_params.to_dict().items() if name in ("q", "domain")}
    st.query_params.from_dict(kept)


# ---- one template

def one(name: str) -> None:
    """How it works and its values at the left; the pipeline that they make at the right."""
    st.button("All templates", key="templates_back", type="tertiary", icon=":material/arrow_back:", on_click=_back)
    try:
        template = service().template(name)
        spec = template.spec.as_dict()
    except MissingError:
        empty(f"There is no template {code(name)}. The link may be mistyped, or from another Penstock.", key="template", icon="search_off")
        return
    except PenstockError as error:
        st.error(words.problem(error), icon=":material/error:")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="template_head"):
        st.title(plain(template.title), anchor=False, width="content")
        st.markdown(f":gray-badge[{code(template.name)}] :gray-badge[{several(len(spec['steps']), 'step')}]", width="content")
    st.markdown(f":gray[{plain(template.sentence)}.]")
    left, right = st.columns([4, 7], gap="medium")
    with left:
        about(template.how)
        values, pressed = _form(template, spec)
    made, text, bad = _made(template, values)
    if pressed == "use" and not bad:
        _use(template.name, made, text)
    if pressed == "preview":
        st.session_state["template_view"] = st.query_params["show"] = "preview"
    with right:
        if bad:
            st.error(bad, icon=":material/error:")
        _views(Draft(made, text, ready=True))


def _form(template: Any, spec: dict[str, Any]) -> tuple[Values, str]:
    """The variables and the parameters as fields; the values that stand there now, and which button was pressed."""
    why_not = barred("editor")
    with st.form("template_form", border=True):
        fields(template, spec, st.query_params.to_dict())
        with st.container(horizontal=True, gap="small"):
            use = st.form_submit_button("Use it", type="primary", icon=":material/edit_note:", key="template_use", disabled=bool(why_not),
                                        help=why_not or "Opens it in a chat as a draft: change it in words, preview it, run it. "
                                        "Nothing runs yet.")
            preview = st.form_submit_button("Preview", icon=":material/table_view:", key="template_preview", disabled=bool(why_not),
                                            help=why_not or "Shows the first rows of each step with these values. "
                                            "Nothing is written.")
    values = given(spec)
    address = st.query_params.to_dict()
    wanted = {name: value for name, value in address.items() if name[:2] not in ("v.", "p.") and name != "id"} | values.address()
    if (use or preview) and wanted != address:
        st.query_params.from_dict(wanted)
    return values, "use" if use else "preview" if preview else ""


def _made(template: Any, values: Values) -> tuple[dict[str, Any], str, str]:
    """The pipeline that the values make, its YAML, and what is wrong with them; then the template as it stands."""
    try:
        spec, text = service().use_template_text(template.name, variables=values.variables, params=values.params,
                                                 pipeline_id=values.pipeline_id)
    except PenstockError as error:
        return template.spec.as_dict(), template.text, wrong(error)
    return spec.as_dict(), text, ""


def _use(name: str, spec: dict[str, Any], text: str) -> None:
    """A new chat with the pipeline as its draft."""
    talk = talks().new()
    talk.show(spec, text, words.from_template(spec, name), made=f"from the template {name}")
    st.session_state["chat_here"] = talk.chat_id
    st.switch_page("pages/chat.py", query_params={"chat": talk.chat_id})


def _views(draft: Draft) -> None:
    view = st.query_params.get("show", "graph")
    st.session_state["template_view"] = view = view if view in VIEWS else "graph"
    st.segmented_control("View", list(VIEWS), format_func=VIEWS.__getitem__, required=True, key="template_view", width="stretch",
                         label_visibility="collapsed", on_change=_view)
    if view == "graph":
        whole(draft, key="template")
    elif view == "words":
        with st.container(border=True, gap="small", key="template_words"):
            for line in english(draft):
                st.markdown(line)
    elif view == "yaml":
        st.code(draft.text, language="yaml", wrap_lines=True)
    else:
        _preview(draft)


def _view() -> None:
    chosen = st.session_state["template_view"]
    if chosen == "graph":
        st.query_params.pop("show", None)
    else:
        st.query_params["show"] = chosen


def _preview(draft: Draft) -> None:
    """The rows of each step with the values of the form. Nothing is written."""
    kept = st.session_state.get(SEEN)
    if kept is None or kept[0] != draft.text:
        with st.spinner("Reading the first rows of each step"):
            try:
                kept = (draft.text, service().preview(draft.spec, limit=ROWS), "")
            except PenstockError as error:
                kept = (draft.text, None, words.problem(error))
        st.session_state[SEEN] = kept
    _, seen, bad = kept
    if seen is None:
        st.error(f"**The preview failed.** {bad}", icon=":material/error:")
        return
    ids = [each.step_id for each in seen.steps]
    if st.session_state.get("template_step") not in ids:
        st.session_state["template_step"] = telling(State("", preview=seen), ids)
    step = st.pills("Step", ids, format_func=plain, required=True, wrap=True, key="template_step", label_visibility="collapsed")
    st.caption(f"From DuckDB, in {seconds(seen.seconds)}. Nothing was written.")
    shown({each.step_id: each for each in seen.steps}, str(step), draft)


def main() -> None:
    asked = st.query_params.get("template", "").strip()
    if asked:
        one(asked)
    else:
        gallery()


main()
