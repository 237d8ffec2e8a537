"""Templates are found by their path, in three folders and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows.errors import InputError, MissingError
from flows.insight.templates import find, how, name_of, plain_name, templates
from flows.insight.templates import templates as listed

SPEC = """# How it works
#   1. It reads.
#
# Make it yours.
pipeline_id: "{provider}-x"
name: Mine
description: It reads orders
steps:
  - {step_id: read, ps_type: generic.extract, source: {table: orders}}
"""


def put(settings, name, text=SPEC):
    place = settings.home / "templates" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    return place


def test_the_gallery_comes_first_and_everything_has_a_name_of_its_own(settings):
    names = [template.name for template in templates(settings)]
    assert len(names) == len(set(names)) >= 14
    assert names[0].startswith("gallery/")
    assert {"gallery/basic_etl", "cloud/gcp/billing", "genai/openai/usage"} <= set(names)
    assert not [name for name in names if name.startswith("system/")]


def test_own_ones_are_listed_beside_them_and_a_tenants_ones_for_that_tenant_only(settings):
    put(settings, "crm/hub/contacts.yml")
    put(settings, "@acme/gallery/mine.yaml")
    assert find("crm/hub/contacts", settings).whose == "this home"
    with pytest.raises(MissingError, match="no template 'gallery/mine'"):
        find("gallery/mine", settings)
    acme = replace(settings, tenant_id="acme")
    assert find("gallery/mine", acme).title == "Mine"
    assert {"crm/hub/contacts", "gallery/mine"} <= {template.name for template in templates(acme)}


def test_provider_and_domain_are_those_of_the_path(settings):
    put(settings, "crm/hub/contacts.yml")
    spec = find("crm/hub/contacts", settings).spec
    assert spec.variables == {"provider": "crm"}
    put(settings, "crm/hub/deals.yml", SPEC.replace("steps:", "variables: {provider: own}\nsteps:"))
    assert find("crm/hub/deals", settings).spec.variables == {"provider": "own"}


def test_one_that_has_the_name_of_a_shipped_one_is_never_taken_for_it(settings):
    place = put(settings, "gallery/basic_etl.yml")
    with pytest.raises(InputError) as error:
        find("gallery/basic_etl", settings)
    assert str(error.value) == (f"{place}: there are two templates 'gallery/basic_etl': one of Penstock and one of this home. "
                                "Give your own another name")
    assert [template.whose for template in templates(settings) if template.name == "gallery/basic_etl"] == ["Penstock", "this home"]


def test_one_that_cannot_be_read_says_why_and_the_others_are_listed(settings):
    put(settings, "gallery/broken.yml", "pipeline_id: p\nsteps: none\n")
    broken = find("gallery/broken", settings)
    assert "gallery/broken: line 2, steps: " in broken.problem
    assert not any(template.problem for template in templates(settings) if template.name != "gallery/broken")


@pytest.mark.parametrize("name", [
    "gallery/../system/catalog", "../gallery/basic_etl", "/etc/passwd", "gallery/.hidden", "gallery//basic_etl", "gallery/basic_etl/",
    "gallery", "", "system/prices/bigquery", "gallery/basic_etl.yml", "gallery/a/b/c", "gallery/basic etl", "gallery/basic_etl\n",
    "@acme/gallery/mine", "gallery\\basic_etl", "gallery/" + "x" * 65])
def test_no_name_leads_anywhere_else(name, settings):
    put(settings, "@acme/gallery/mine.yml")
    with pytest.raises(MissingError):
        find(name, settings)


def test_links_are_no_templates_whatever_they_point_at(settings, tmp_path):
    secret = tmp_path / "secret.yml"
    secret.write_text(SPEC)
    (settings.home / "templates" / "gallery").mkdir(parents=True)
    (settings.home / "templates" / "gallery" / "linked.yml").symlink_to(secret)
    (tmp_path / "crm" / "hub").mkdir(parents=True)
    (tmp_path / "crm" / "hub" / "contacts.yml").write_text(SPEC)
    (settings.home / "templates" / "crm").symlink_to(tmp_path / "crm")
    for name in ("gallery/linked", "crm/hub/contacts"):
        with pytest.raises(MissingError):
            find(name, settings)
    assert not [template for template in listed(settings) if template.whose != "Penstock"]


def test_a_near_miss_is_named(settings):
    with pytest.raises(MissingError, match=r"there is no template 'gallery/basic_elt'. Did you mean 'gallery/basic_etl'\?"):
        find("gallery/basic_elt", settings)


def test_a_path_is_a_name_too():
    assert plain_name("configs/gallery/basic_etl.yml") == "gallery/basic_etl"
    assert plain_name("configs/cloud/gcp/billing.yaml") == "cloud/gcp/billing"
    assert plain_name("orders-daily") == ""


def test_a_file_knows_its_name_by_its_folder(tmp_path):
    assert name_of(tmp_path / "configs" / "cloud" / "gcp" / "billing.yml") == "cloud/gcp/billing"
    assert name_of(tmp_path / "templates" / "@acme" / "crm" / "hub" / "contacts.yml") == "crm/hub/contacts"
    assert name_of(tmp_path / "cloud" / "gcp" / "billing.yml") == ""
    assert name_of(tmp_path / "configs" / "billing.yml") == ""


def test_how_it_works_is_the_comment_at_the_head():
    assert how(SPEC) == "  1. It reads.\n\nMake it yours."
    assert how("# Something else\n# How it works\npipeline_id: p\n") == ""
