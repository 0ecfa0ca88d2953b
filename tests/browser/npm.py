"""Libraries of other people's pages, from ``tests/data/npm``."""

import gzip

from app.config import ROOT

TURBO, HTMX = "turbo-8.0.23", "htmx-2.0.11"
REACT, REACT_DOM = "react-18.3.1", "react-dom-18.3.1"


def script(name: str) -> str:
    """The source of a library."""
    return gzip.decompress((ROOT / "tests" / "data" / "npm" / f"{name}.js.gz").read_bytes()).decode()
