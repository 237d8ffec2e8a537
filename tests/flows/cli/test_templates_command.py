"""penstock templates: what there is, what one does, and a spec of one's own."""

from __future__ import annotations

import json

import pytest

from flows.cli import call


def said(capsys):
    got = capsys.readouterr()
    return got.out, got.err


def test_the_list_goes_by_domain_the_gallery_first(home, capsys):
    assert call(["templates"]) == 0
    out, err = said(capsys)
    assert out.startswith("gallery\n  gallery/anomaly_alert ")
    assert "\ncloud/gcp\n  cloud/gcp/billing  " in out
    assert "  Basic ETL. Revenue by month and currency from the orders, in a table that is replaced at every run\n" in out
    assert "penstock templates show NAME" in err
    assert call(["templates", "list", "--json"]) == 0
    found = {each["name"]: each for each in json.loads(said(capsys)[0])}
    assert found["gallery/basic_etl"] == {
        "name": "gallery/basic_etl", "title": "Basic ETL", "domain": "gallery", "whose": "Penstock", "problem": "",
        "sentence": "Revenue by month and currency from the orders, in a table that is replaced at every run"}


def test_a_double_and_a_broken_one_are_seen_in_the_list(home, capsys):
    folder = home / "templates" / "gallery"
    folder.mkdir(parents=True)
    (folder / "broken.yml").write_text("steps: [")
    (folder / "basic_etl.yml").write_text("pipeline_id: p\nname: Mine\nsteps: [{step_id: a, ps_type: generic.wait}]\n")
    assert call(["templates", "list"]) == 0
    out, _ = said(capsys)
    assert "gallery/broken " in out
    assert "(this home) cannot be read: gallery/broken: " in out
    assert "Mine.  (not used: there are two templates of this name, this one is of this home)" in out
    assert call(["preview", "gallery/basic_etl"]) == 2
    assert "there are two templates 'gallery/basic_etl': one of Penstock and one of this home. Give your own" in said(capsys)[1]


def test_one_is_shown_whole(home, capsys):
    assert call(["templates", "show", "gallery/quality_gate"]) == 0
    out, err = said(capsys)
    heads = ["Quality gate\n", "How it works\n  1. Read the payments.\n", "Parameters\n  least_rows (integer)  100  A delivery with",
             "Variables\n  source_table       payments\n", "Step by step\nPipeline gallery-quality-gate is called 'Quality gate'.",
             "Step gate (generic.quality_check) ", "The template\n# How it works\n"]
    places = [out.index(head) for head in heads]
    assert places == sorted(places)
    assert err.endswith("penstock templates use gallery/quality_gate --out my.yml\n")
    assert call(["templates", "show", "gallery/quality_gate", "--json"]) == 0
    shown = json.loads(said(capsys)[0])
    assert shown["parameters"] == [{"name": "least_rows", "type": "integer", "default": 100,
                                    "description": "A delivery with fewer rows is refused as a whole"}]
    assert {"how", "variables", "english", "yaml", "title", "sentence"} <= set(shown)


def test_a_copy_is_written_once_and_runs_on(home, capsys, tmp_path):
    args = ["templates", "use", "gallery/basic_etl", "--var", "destination_table=mart.own", "--param", "smallest_amount=10", "--id", "own",
            "--out", "own.yml"]
    assert call(args) == 0
    out, err = said(capsys)
    assert out == "own.yml: made from gallery/basic_etl\n"
    assert err == "Look at it first: penstock preview own.yml. Then: penstock run own.yml\n"
    text = (tmp_path / "here" / "own.yml").read_text()
    assert "pipeline_id: own\n" in text
    assert call(["validate", "own.yml"]) == 0
    assert call(["explain", "own.yml"]) == 0
    assert "Variable destination_table is 'mart.own'." in said(capsys)[0]
    assert call(args) == 2
    assert said(capsys)[1] == "penstock: --out: 'own.yml' is there already. Choose another name; nothing is overwritten\n"
    assert (tmp_path / "here" / "own.yml").read_text() == text
    assert call([*args[:-1], "-"]) == 0
    assert said(capsys)[0] == text


def test_a_link_is_not_written_through(home, capsys, tmp_path):
    target = tmp_path / "target"
    (tmp_path / "here" / "link.yml").symlink_to(target)
    assert call(["templates", "use", "gallery/basic_etl", "--out", "link.yml"]) == 2
    assert not target.exists()


@pytest.mark.parametrize(("args", "told"), [
    (["templates", "show", "basic_etl"], "there is no template 'basic_etl'. Did you mean 'gallery/basic_etl'?"),
    (["templates", "use", "gallery/basic_etl"], "Missing option '--out'"),
    (["templates", "use", "gallery/basic_etl", "--out", "x.yml", "--var", "table"], "--var: 'table' is not of the form name=value"),
    (["templates", "use", "gallery/basic_etl", "--out", "x.yml", "--var", "source_table='; drop table x; --"], "is no name of a table"),
    (["templates", "use", "gallery/basic_etl", "--out", "x.yml", "--var", "sourcetable=a"], "did you mean 'source_table'?"),
    (["templates", "use", "gallery/basic_etl", "--out", "no/such/x.yml"], "--out: 'no/such/x.yml' cannot be written: no such file"),
    (["run", "gallery/basic_elt"], "there is no template 'gallery/basic_elt'. Did you mean 'gallery/basic_etl'?"),
    (["preview", "gallery/../system/catalog"], "there is no file 'gallery/../system/catalog'"),
])
def test_wrong_words_are_one_line_with_the_way_out(args, told, capsys, home, tmp_path):
    assert call(args) == 2
    out, err = said(capsys)
    assert out == ""
    assert err.startswith("penstock: ")
    assert told in err
    assert not list((tmp_path / "here").iterdir())


def test_a_name_stands_wherever_a_file_may(home, capsys):
    for command in ("validate", "explain"):
        assert call([command, "gallery/basic_etl"]) == 0, command
        assert call([command, "configs/gallery/basic_etl.yml"]) == 0, command
    assert "gallery/basic_etl: valid (semantic)" in said(capsys)[0]
