"""The page of licenses and the bill of materials name what requirements.txt installs, and nothing under the GPL."""

import json
import re

from tests import licences

ROW = re.compile(r"^\| \[([^]]+)\]\(https?://\S+\) \| (\S+) \| ([^|]+) \| ([^|]*) ?\|$", re.MULTILINE)


def test_the_page_of_licenses_lists_exactly_what_requirements_txt_pins() -> None:
    listed = [(name, version, marker.strip()) for name, version, _, marker in ROW.findall(licences.TABLE.read_text())]
    assert listed == licences.pins(), "make licences"


def test_the_bill_of_materials_lists_exactly_what_requirements_txt_pins() -> None:
    components = json.loads(licences.SBOM.read_text())["components"]
    listed = [(each["name"], each["version"]) for each in components]
    assert listed == [(name, version) for name, version, _ in licences.pins()], "make licences"
    assert [each["licenses"][0]["expression"] for each in components] == [
        license_ for _, _, license_, _ in ROW.findall(licences.TABLE.read_text())
    ]


def test_no_package_is_under_the_gpl_or_the_agpl() -> None:
    named = {name: license_ for name, _, license_, _ in ROW.findall(licences.TABLE.read_text())}
    assert {name for name, license_ in named.items() if re.search(r"(?<!L)GPL", license_)} == set()
    assert {name for name, license_ in named.items() if "LGPL" in license_} == {"psycopg", "psycopg-binary"}
