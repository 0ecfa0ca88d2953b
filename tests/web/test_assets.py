"""The scripts that pages of other sites load."""

import pytest
from flask.testing import FlaskClient

LOADERS = ("/embed.js", "/messenger.js", "/site.js")


def test_the_script_that_reads_the_user_object_has_at_most_5_kb_uncompressed(client: FlaskClient) -> None:
    assert len(client.get("/site.js").data) <= 5_000


@pytest.mark.parametrize("path", LOADERS)
def test_a_loader_begins_with_what_all_share_and_has_no_comments(client: FlaskClient, path: str) -> None:
    served = client.get(path)
    assert served.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert served.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in client.get("/sign-in").headers
    assert served.headers["Cache-Control"] == "public, max-age=300"
    assert served.mimetype == "text/javascript"
    assert served.text.startswith('(() => {\nconst PAGE = Symbol.for("assent.page");\n')
    assert "\n//" not in served.text
    assert "document.currentScript" in served.text


@pytest.mark.parametrize("encoding", ["identity", "br", "gzip"])
def test_a_browser_that_has_a_loader_gets_it_again_only_when_it_changed(client: FlaskClient, encoding: str) -> None:
    asked = {"Accept-Encoding": encoding}
    first = client.get("/site.js", headers=asked)
    again = client.get("/site.js", headers=asked | {"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")
    assert client.get("/site.js", headers=asked | {"If-None-Match": '"of-before"'}).data == first.data
    assert client.get("/embed.js").headers["ETag"] != first.headers["ETag"]
