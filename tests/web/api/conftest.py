import pytest
from flask import Flask

from tests.web.api.client import ApiClient, api_client


@pytest.fixture
def api(app: Flask) -> ApiClient:
    """A client whose token may read and write."""
    return api_client(app)
