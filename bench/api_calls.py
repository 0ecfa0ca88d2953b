"""The API, measured: a workspace of so many contacts, and calls about them."""

import json
import random
from collections.abc import Callable, Iterator

from sqlalchemy import Connection, LargeBinary, bindparam, text

from app.core import clock
from app.core.accounts import api_tokens
from app.core.signing import Keys
from app.core.workspace import settings
from bench.forms import form_key
from bench.load import Request
from bench.servers import SECRET_KEY, Place

CALLS = ("find", "phone =", "phone ^", "by state", "attach", "detach")
WRITING = frozenset({"attach", "detach"})
REQUESTS = 20_000  # of one run, at most
_AT = "2026-11-02 12:00:00"


class ApiCalls:
    """Contacts, a third of them opted in, and a token that may call as often as it can.

    :param runs: how many runs there will be of each call that writes; no two are about the same contact, because the
        second would find nothing to do
    """

    def __init__(self, place: Place, contacts: int, *, runs: int) -> None:
        self._place, self._contacts, self._runs = place, contacts, runs
        self.token = _fill(place, contacts)
        self._chance = random.Random(contacts)
        self._unused: dict[str, list[int]] = {}
        self._share: dict[str, int] = {}

    def of(self, call: str) -> "Callable[[str | None, int], Iterator[Request]]":
        """What makes the requests of one run of this call."""
        return lambda _address, _seconds: self.requests(call)

    def requests(self, call: str) -> Iterator[Request]:
        if call not in WRITING:
            for _ in range(REQUESTS):
                yield self._request(call, self._chance.randint(1, self._contacts))
            return
        if call not in self._unused:
            self._unused[call] = _changeable(self._place, call)
            self._chance.shuffle(self._unused[call])
            self._share[call] = min(REQUESTS, len(self._unused[call]) // self._runs)
        for _ in range(self._share[call]):
            yield self._request(call, self._unused[call].pop())

    def _request(self, call: str, contact: int) -> Request:
        method, path, body = _line(call, contact)
        content_type = "application/json" if body else ""
        return Request(path, method, content_type=content_type, bearer=self.token, body=body)


def _changeable(place: Place, call: str) -> list[int]:
    """The contacts that the call changes something for: never asked to attach, opted in to detach."""
    opted_in = "SELECT contact_id FROM consents WHERE subscription_type_id = 1 AND state = 'opted_in'"
    asked = "SELECT 1 FROM consents WHERE subscription_type_id = 1 AND contact_id = contacts.id"
    never_asked = f"SELECT id FROM contacts WHERE NOT EXISTS ({asked})"
    with place.database.engine.connect() as connection:
        return sorted(row[0] for row in connection.exec_driver_sql(opted_in if call == "detach" else never_asked))


def _line(call: str, contact: int) -> tuple[str, str, str]:
    """Method, path and body."""
    match call:
        case "find":
            return "GET", f"/api/contacts/{contact:024x}", ""
        case "phone =":
            return _search("phone", "=", f"+1202{2_000_000 + contact}")
        case "phone ^":
            return _search("phone", "^", f"+1202{2_000_000 + contact}"[:10])
        case "by state":
            return _search("subscription_types.1", "=", "opted_in")
        case "attach":
            return "POST", f"/api/contacts/{contact:024x}/subscriptions", '{"id":"1","consent_type":"opt_in"}'
        case _:
            return "DELETE", f"/api/contacts/{contact:024x}/subscriptions/1", ""


def _search(field: str, operator: str, value: str) -> tuple[str, str, str]:
    query = {"field": field, "operator": operator, "value": value}
    return "POST", "/api/contacts/search", json.dumps({"query": query, "pagination": {"per_page": 50}})


def _fill(place: Place, contacts: int) -> str:
    """Insert so many contacts, a third of them opted in; return a token without a limit to speak of."""
    database = place.database
    with database.unit_of_work() as session:
        form_key(session, clock.now())  # makes the live type, the first one
        settings.change(session, {"api_calls_per_minute": 1_000_000}, actor="bench", at=clock.now())
        _, token = api_tokens.create(session, "bench", [], at=clock.now())
        connection = session.connection()
        hashed = Keys(SECRET_KEY).destination_hash
        for begin in range(1, contacts + 1, 20_000):
            ids = range(begin, min(begin + 20_000, contacts + 1))
            _insert(
                connection, [(each, f"+1202{2_000_000 + each}", hashed(f"+1202{2_000_000 + each}")) for each in ids]
            )
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
    return token


def _insert(connection: Connection, people: list[tuple[int, str, str]]) -> None:
    connection.execute(
        text(
            "INSERT INTO contacts (id, public_id, role, external_id, email, phone, phone_hash, phone_country, "
            "custom_attributes, unsubscribed_from_emails, created_at, updated_at) VALUES (:id, :public_id, 'user', "
            ":external_id, :email, :phone, :hash, 'US', '{}', false, :at, :at)"
        ),
        [
            {
                "id": number,
                "public_id": f"{number:024x}",
                "external_id": str(number),
                "email": f"a{number}@example.com",
                "phone": phone,
                "hash": hashed,
                "at": _AT,
            }
            for number, phone, hashed in people
        ],
    )
    opted_in = [each for each in people if each[0] % 3 == 0]
    first = {"first": people[0][0], "last": people[-1][0], "at": _AT}
    connection.execute(
        text(
            "INSERT INTO consent_events (contact_id, subscription_type_id, action, source, actor, evidence_level, "
            "destination_hash, evidence_hash, occurred_at, recorded_at, is_persons_word) "
            "SELECT id, 1, 'opt_in', 'api', 'api:1', 'reported', phone_hash, :hash, :at, :at, true "
            "FROM contacts WHERE id BETWEEN :first AND :last AND id % 3 = 0"
        ).bindparams(bindparam("hash", bytes(32), LargeBinary)),
        first,
    )
    if opted_in:
        connection.execute(
            text(
                "INSERT INTO consents (contact_id, subscription_type_id, state, destination, destination_hash, "
                "changed_at, event_id) SELECT c.id, 1, 'opted_in', c.phone, c.phone_hash, :at, e.id FROM contacts c "
                "JOIN consent_events e ON e.contact_id = c.id WHERE c.id BETWEEN :first AND :last AND c.id % 3 = 0"
            ),
            first,
        )
