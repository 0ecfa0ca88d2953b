"""Writes docs/licences.md and docs/sbom.json: what an installation consists of, and under which licenses.

Names and versions come from requirements.txt, the rest from the metadata of the installed packages.
"""

import json
import re
from importlib import metadata
from typing import NamedTuple

from app.config import ROOT, VERSION

TABLE, SBOM = ROOT / "docs" / "licences.md", ROOT / "docs" / "sbom.json"
_PIN = re.compile(r"^([A-Za-z][\w.-]*)==(\S+)(?: ; (.+?))?(?: \\)?$", re.MULTILINE)
_SPDX = {"Apache-2.0", "BSD-3-Clause", "MIT", "Unlicense"}
_CLASSIFIERS = {"License :: OSI Approved :: MIT License": "MIT"}
_HOME_LABELS = ("source", "source code", "repository", "github", "code", "homepage", "home")

# Read by a person in the package's license file, where its metadata names no SPDX identifier.
_FROM_LICENSE_FILE = {
    "flask-sqlalchemy": "BSD-3-Clause",
    "flask-wtf": "BSD-3-Clause",
    "huey": "MIT",
    "itsdangerous": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "libpass": "BSD-3-Clause",
    "qrcode": "BSD-3-Clause AND MIT",
    "segno": "BSD-3-Clause",
    "wtforms": "BSD-3-Clause",
}
# Where the metadata names no address, or one that is gone.
_HOMEPAGES = {
    "flask-principal": "https://github.com/pallets-eco/flask-principal",
    "standardwebhooks": "https://github.com/standard-webhooks/standard-webhooks",
}
# Installed on other platforms only, so that there is no metadata to read on Linux.
_OTHER_PLATFORMS = {
    "colorama": ("BSD-3-Clause", "https://github.com/tartley/colorama"),
}

_INTRODUCTION = """\
# Licenses

Assent is under the MIT License (`LICENSE`). `make licences` writes this page and `sbom.json` (CycloneDX) from
`requirements.txt`, which holds everything that an installation downloads besides Python itself.

No package is under the GPL or the AGPL. `psycopg` is under the LGPL: it is installed unmodified and can be replaced by
another version. Each package brings its own license text, which `pip` puts beside its code (`*.dist-info`); who passes
on a container image passes these files on with it.

"""


class Package(NamedTuple):
    """One line of the table. ``marker`` says on which platforms it is installed; empty: on all."""

    name: str
    version: str
    marker: str
    license: str
    homepage: str


def pins() -> list[tuple[str, str, str]]:
    """Name, version and environment marker of everything in requirements.txt."""
    return _PIN.findall((ROOT / "requirements.txt").read_text())


def packages() -> list[Package]:
    """Everything in requirements.txt with its license.

    :raises SystemExit: a package names no license that is understood; a person has to read its license file
    """
    return [Package(name, version, marker, *_describe(name)) for name, version, marker in pins()]


def table(rows: list[Package]) -> str:
    """The content of docs/licences.md."""
    lines = ["| package | version | license | only where |", "|---|---|---|---|"]
    lines += [f"| [{row.name}]({row.homepage}) | {row.version} | {row.license} | {row.marker} |" for row in rows]
    return _INTRODUCTION + "\n".join(lines) + "\n"


def sbom(rows: list[Package]) -> str:
    """The content of docs/sbom.json: the same as a CycloneDX 1.6 bill of materials."""
    components = [
        {
            "type": "library",
            "name": row.name,
            "version": row.version,
            "purl": f"pkg:pypi/{row.name}@{row.version}",
            "licenses": [{"expression": row.license}],
            "externalReferences": [{"type": "website", "url": row.homepage}],
        }
        for row in rows
    ]
    ours = {"type": "application", "name": "assent-sms", "version": VERSION, "licenses": [{"expression": "MIT"}]}
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": ours},
        "components": components,
    }
    return json.dumps(content, indent=1) + "\n"


def _describe(name: str) -> tuple[str, str]:
    """The SPDX expression and the homepage of a package."""
    if name in _OTHER_PLATFORMS:
        return _OTHER_PLATFORMS[name]
    fields = metadata.metadata(name)
    classified = [_CLASSIFIERS[each] for each in fields.get_all("Classifier") or [] if each in _CLASSIFIERS]
    stated = fields.get("License")
    license_ = fields.get("License-Expression") or _FROM_LICENSE_FILE.get(name)
    if license_ is None and stated in _SPDX:
        license_ = stated
    if license_ is None and classified:
        (license_,) = classified
    if license_ is None:
        raise SystemExit(f"{name}: read its license file and add it to _FROM_LICENSE_FILE in tests/licences.py")
    return license_, _HOMEPAGES.get(name) or _homepage(fields)


def _homepage(fields: "metadata.PackageMetadata") -> str:
    pairs = (each.split(", ", 1) for each in fields.get_all("Project-URL") or [])
    labeled = {label.lower(): url for label, url in pairs}
    return next((labeled[label] for label in _HOME_LABELS if label in labeled), None) or fields["Home-page"]


if __name__ == "__main__":
    found = packages()
    TABLE.write_text(table(found))
    SBOM.write_text(sbom(found))
    print(f"{len(found)} packages in {TABLE.relative_to(ROOT)} and {SBOM.relative_to(ROOT)}")
