"""What one request touches: files of ``app/``, calls in it, SQL statements. ``bench.house`` prints them.

Each request is made twice to fill caches and traced the third time, on SQLite, inside this process.
It goes through HTTP and commands only, so that the traces survive any change of the code behind them.
"""

import html
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

APP = Path(__file__).parent.parent / "app"
PASSWORD = "correct horse battery staple"
EMAIL = "max@example.com"
# Statements that only begin, end or set up a transaction are not counted.
_FRAMING = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA", "SAVEPOINT", "RELEASE", "--")
_EMBED_HEADERS = {"Accept-Language": "en-US"}


@dataclass
class Trace:
    """What one request touched."""

    name: str
    files: set[str] = field(default_factory=set)
    calls: int = 0
    calls_across_files: int = 0
    statements: list[str] = field(default_factory=list)

    def note_call(self, frame: FrameType, event: str, _argument: object) -> None:
        """A profile function for ``sys.setprofile``."""
        if event != "call" or not (name := _file_in_app(frame)):
            return
        self.files.add(name)
        self.calls += 1
        caller = frame.f_back
        while caller is not None and not _file_in_app(caller):
            caller = caller.f_back
        if caller is None or _file_in_app(caller) != name:
            self.calls_across_files += 1

    def note_statement(self, statement: str) -> None:
        """SQLite repeats a write, with its values, for each trigger that it fires; that is counted once."""
        is_read = statement.startswith("SELECT")
        is_repeat = not is_read and self.statements and self.statements[-1] == statement
        if not is_repeat and not statement.lstrip().upper().startswith(_FRAMING):
            self.statements.append(statement)


def trace_all() -> list[Trace]:
    """One trace for each walk."""
    with tempfile.TemporaryDirectory(prefix="assent-traces-") as folder, _statements_noted() as listen:
        walks = Walks(Path(folder))
        return [
            _trace(name, walk, listen)
            for name, walk in (
                ("form GET", walks.look_at_form),
                ("public opt-in POST", walks.opt_in),
                ("agent inserts a saved form", walks.insert_form),
                ("visitor posts a message", walks.post_message),
                ("API attach", walks.attach),
                ("API find", walks.find),
                ("empty poll", walks.poll),
            )
        ]


def _trace(
    name: str, prepare: Callable[[], Callable[[], Any]], listen: Callable[[Callable[[str], None] | None], None]
) -> Trace:
    """:param prepare: sets up one request and returns the function that makes it"""
    prepare()()
    prepare()()
    request, trace = prepare(), Trace(name)
    listen(trace.note_statement)
    sys.setprofile(trace.note_call)
    try:
        response = request()
    finally:
        sys.setprofile(None)
        listen(None)
    if response.status_code not in {200, 202, 204, 303, 304}:
        raise RuntimeError(f"{name}: {response.status_code} {response.get_data(as_text=True)[:300]}")
    return trace


class Walks:
    """A workspace with one form, and for each walk a function that prepares one request."""

    def __init__(self, folder: Path) -> None:
        os.environ["ASSENT_INSTANCE"] = str(folder)
        os.environ.pop("ASSENT_DATABASE_URL", None)
        _run_assent("db", "upgrade")
        _run_assent("create-admin", EMAIL, "--password-stdin", typed=PASSWORD)
        token = _run_assent("token", "create", "traces").strip()
        from app import create_app

        app = create_app()
        self._app, self._serial = app, 0
        self._api = {"Authorization": f"Bearer {token}"}
        self._client = app.test_client()
        self._staff = app.test_client()
        page = self._staff.get("/sign-in").get_data(as_text=True)
        fields = {"csrf_token": _csrf_token(page), "email": EMAIL, "password": PASSWORD}
        if self._staff.post("/sign-in", data=fields).status_code != 302:
            raise RuntimeError("the admin cannot sign in")
        self._type_id = self._post_to_api(
            "subscription_types", name="Offers", content_types=["sms_message"], consent_type="opt_in"
        )["id"]
        self._post_to_api(f"subscription_types/{self._type_id}/put_live")
        form = self._post_to_api("forms", subscription_type_id=self._type_id, title="Texts from Harbour Coffee")
        self._form_id, self._form_path = form["id"], "/f/" + form["embed_url"].partition("/f/")[2]

    def look_at_form(self) -> Callable[[], Any]:
        return lambda: self._client.get(self._form_path, headers=_EMBED_HEADERS)

    def opt_in(self) -> Callable[[], Any]:
        page = self.look_at_form()().get_data(as_text=True)
        data = {"phone": self._next_number(), "shown": _hidden(page, "shown")}
        return lambda: self._client.post(self._form_path, data=data, headers=_EMBED_HEADERS)

    def insert_form(self) -> Callable[[], Any]:
        conversation = self._write(new_visitor=True).get_json()["conversation"]
        inbox = f"/inbox/{conversation}"
        token = _csrf_token(self._staff.get(inbox).get_data(as_text=True))
        data = {"csrf_token": token, "form_id": self._form_id}
        return lambda: self._staff.post(f"{inbox}/forms", data=data)

    def post_message(self) -> Callable[[], Any]:
        self._write(new_visitor=True)
        return lambda: self._write(new_visitor=False)

    def poll(self) -> Callable[[], Any]:
        self._write(new_visitor=True)
        path = "/messenger/api/poll"
        first = self._client.get(path, headers=self._visitor()).get_json()["conversations"][0]
        path += f"?after={first['id']}:{first['revision']}"
        self._client.get(path, headers=self._visitor())
        return lambda: self._client.get(path, headers=self._visitor())

    def attach(self) -> Callable[[], Any]:
        contact = self._new_contact()
        body = {"id": self._type_id, "consent_type": "opt_in"}
        return lambda: self._client.post(f"/api/contacts/{contact}/subscriptions", json=body, headers=self._api)

    def find(self) -> Callable[[], Any]:
        contact = self._new_contact()
        return lambda: self._client.get(f"/api/contacts/{contact}", headers=self._api)

    def _new_contact(self) -> str:
        number = self._next_number()
        made = self._post_to_api("contacts", role="user", external_id=number, phone=number)
        return str(made["id"])

    def _write(self, *, new_visitor: bool) -> Any:
        self._serial += 1
        if new_visitor:
            self._visitor_number = self._serial
        body = {"text": "Hello", "client_key": f"key-{self._serial}", "new": new_visitor}
        return self._client.post("/messenger/api/messages", json=body, headers=self._visitor())

    def _visitor(self) -> dict[str, str]:
        return {"Authorization": f"Bearer t_{self._visitor_number:043d}"}

    def _next_number(self) -> str:
        self._serial += 1
        return f"+1415{2_000_000 + self._serial}"

    def _post_to_api(self, path: str, **body: Any) -> Any:
        response = self._client.post(f"/api/{path}", json=body or None, headers=self._api)
        if response.status_code != 200:
            raise RuntimeError(f"{path}: {response.get_data(as_text=True)[:300]}")
        return response.get_json()


def _run_assent(*arguments: str, typed: str = "") -> str:
    command = [str(Path(sys.executable).with_name("assent")), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, input=typed).stdout


def _csrf_token(page: str) -> str:
    return _hidden(page, "csrf_token")


def _hidden(page: str, name: str) -> str:
    """The value of the first hidden input of this name."""
    for tag in re.findall(r"<input[^>]*>", page):
        if f'name="{name}"' in tag and (found := re.search(r'value="([^"]*)"', tag)):
            return html.unescape(found[1])
    raise RuntimeError(f"the page has no field {name}")


def _file_in_app(frame: FrameType) -> str:
    """The path below ``app/`` of the file that this frame runs, or nothing."""
    name = frame.f_code.co_filename
    return name[len(_PREFIX) :] if name.startswith(_PREFIX) else ""


_PREFIX = f"{APP}{os.sep}"


@contextmanager
def _statements_noted() -> Iterator[Callable[[Callable[[str], None] | None], None]]:
    """Every SQLite connection that is opened in this block tells its statements to the function set last."""
    listeners: list[Callable[[str], None] | None] = [None]
    connect = sqlite3.dbapi2.connect

    def tracing_connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(lambda text: listeners[0](text) if listeners[0] else None)
        return connection

    def listen(to: Callable[[str], None] | None) -> None:
        listeners[0] = to

    sqlite3.connect = sqlite3.dbapi2.connect = tracing_connect  # type: ignore[assignment]  # for this process only
    try:
        yield listen
    finally:
        sqlite3.connect = sqlite3.dbapi2.connect = connect
