import pytest
from flask import Flask

from tests.web.api.client import Calls, calls


@pytest.fixture
def api(app: Flask) -> Calls:
    """A client whose token may read and write."""
    return calls(app)
