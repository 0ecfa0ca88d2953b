"""The examples of the documentation, run as they stand against a running server."""

import re
import subprocess
import sys

from app import config
from app.config import ROOT
from app.core import clock
from app.core.accounts import api_tokens as tokens
from app.core.workspace import bootstrap as store
from tests.serve import web_process

EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_examples_of_integrate_work_one_after_the_other(settings: config.Settings) -> None:
    opened = store.open_database(settings)
    with opened.unit_of_work() as session:
        _, token = tokens.create(session, "My shop", [], at=clock.now())
    opened.close()
    examples = EXAMPLE.findall((ROOT / "docs" / "integrate.md").read_text())
    assert len(examples) > 8
    with web_process(settings) as address:
        script = "\n".join(examples).replace("https://consent.example.com", address).replace("assent_…", token)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert f"{address}/f/" in done.stdout
