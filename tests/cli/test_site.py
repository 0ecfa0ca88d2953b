"""``assent site check URL`` fetches one page and fails when something is wrong with it."""

import gzip
from http.server import BaseHTTPRequestHandler

import pytest

from app.cli import run
from app.config import Settings
from app.core.site import snippets
from app.core.workspace import settings as workspace_settings
from app.db import Database
from tests import make
from tests.serve import served

BASE = "https://consent.example.com"


@pytest.mark.databases("sqlite")
def test_a_page_is_checked_line_by_line(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.read_only() as session:
        key = workspace_settings.get(session).messenger_key
    for name, value in (
        ("INSTANCE", str(settings.instance)),
        ("DATABASE_URL", settings.database_url),
        ("SECRET_KEY", settings.secret_key),
        ("PUBLIC_URL", BASE),
    ):
        monkeypatch.setenv(f"ASSENT_{name}", value)

    html = f'<script src="{BASE}/site.js" data-key="{key}"></script>'.encode()

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_moved = self.path == "/moved"
            self.send_response(302 if is_moved else 200)
            self.send_header("Location" if is_moved else "Content-Encoding", "/cart" if is_moved else "gzip")
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(b"" if is_moved else gzip.compress(html))

        def log_message(self, *_: object) -> None:
            pass

    with served(Shop) as port:
        url = f"http://127.0.0.1:{port}"
        assert run(["site", "check", f"{url}/cart"]) == 1
        assert "ASSENT_ALLOW_LOOPBACK=true" in capsys.readouterr().err
        monkeypatch.setenv("ASSENT_ALLOW_LOOPBACK", "true")
        with pytest.raises(SystemExit) as ended:
            run(["site", "check", f"{url}/moved"])
        printed = capsys.readouterr().out
        assert ended.value.code == 1
        assert f"Redirected to {url}/cart" in printed
        assert f"wrong    {url} is not allowed." in printed
        assert "ok       site.js is there, with a key of this workspace." in printed
        assert "1 wrong." in printed
        with database.unit_of_work() as session:
            snippets.allow(session, url, actor="agent:1", at=make.NOON)
        assert run(["site", "check", f"{url}/cart"]) == 0
        assert "Nothing is wrong." in capsys.readouterr().out
