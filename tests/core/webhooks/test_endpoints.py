"""Endpoints and their secrets."""

from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import select
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from app.core import clock
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.signing import Keys, keys_of
from app.core.webhooks import endpoints, signatures
from app.core.webhooks.endpoints import EndpointChange
from app.db import Database
from app.http_client import Reach
from app.models import AuditEntry, WebhookEndpoint
from tests.make import NOON

URL = "https://hooks.example.com/assent"
BY_MAX = {"actor": "agent:1", "at": NOON}


def create(session: Session, url: str = URL, topics: object = ("granular.subscribe",)) -> tuple[WebhookEndpoint, str]:
    return endpoints.create(session, url, topics, reach=Reach.INTERNET, **BY_MAX)  # type: ignore[arg-type]


def test_the_secret_is_stored_encrypted_and_not_in_the_audit_log(database: Database) -> None:
    with database.unit_of_work() as session:
        endpoint, secret = create(session)
        assert secret.startswith("whsec_")
        assert secret.encode() not in endpoint.secret
        assert endpoints.secrets_of(session, endpoint, at=NOON) == (secret,)
        other_keys = Keys("another-key-that-is-long-enough-for-this")
        with pytest.raises(InvalidTag):
            signatures.decrypt(other_keys, endpoint.secret)
        assert create(session)[1] != secret
        for entry in session.scalars(select(AuditEntry)):
            assert secret not in str(entry.details)


def test_a_signature_is_verified_by_the_standard_library(database: Database) -> None:
    with database.unit_of_work() as session:
        _, secret = create(session)
    body = '{"topic": "granular.subscribe", "name": "Zoë"}'
    headers = signatures.headers([secret], "notif_1", body, at=clock.now())
    assert Webhook(secret).verify(body, headers) == {"topic": "granular.subscribe", "name": "Zoë"}
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(secret).verify(body.replace("Zoë", "Eve"), headers)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(secret).verify(body, headers | {"webhook-id": "notif_2"})


def test_after_a_rotation_both_secrets_sign_for_24_hours_and_then_the_new_one_alone(database: Database) -> None:
    with database.unit_of_work() as session:
        endpoint, old = create(session)
        _, new = endpoints.rotate_secret(session, endpoint.id, **BY_MAX)
        almost, over = NOON + timedelta(hours=23, minutes=59), NOON + timedelta(hours=24)
        assert endpoints.secrets_of(session, endpoint, at=almost) == (new, old)
        assert endpoints.secrets_of(session, endpoint, at=over) == (new,)
        _, newest = endpoints.rotate_secret(session, endpoint.id, **BY_MAX)
        assert endpoints.secrets_of(session, endpoint, at=NOON) == (newest, new)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "web address"),
        ("hooks.example.com", "begins with https"),
        ("ftp://hooks.example.com/", "begins with https"),
        ("https://sam:secret@hooks.example.com/", "sign-in"),
        ("https://127.0.0.1/", "private"),
        ("http://169.254.169.254/latest/meta-data", "private"),
        ("https://localhost/", "server itself"),
        ("https://hooks.example.com/" + "x" * 2000, "longer than"),
        (None, "web address"),
        (17, "web address"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_at_its_field(url: str, sentence: str, database: Database) -> None:
    with database.unit_of_work() as session:
        with pytest.raises(InvalidInput, match=sentence) as refused:
            create(session, url)
        assert refused.value.field == "url"
        endpoint, _ = create(session)
        if url is not None:
            with pytest.raises(InvalidInput):
                endpoints.change(session, endpoint.id, EndpointChange(url), reach=Reach.INTERNET, **BY_MAX)
        assert endpoint.url == URL


def test_loopback_addresses_are_allowed_in_development_only(database: Database) -> None:
    with database.unit_of_work() as session:
        local = "http://127.0.0.1:9/"
        endpoint, _ = endpoints.create(session, local, ["form.submitted"], reach=Reach.LOOPBACK_TOO, **BY_MAX)
        assert endpoint.url == local
        with pytest.raises(InvalidInput):
            endpoints.create(session, local, ["form.submitted"], reach=Reach.INTERNET, **BY_MAX)


@pytest.mark.parametrize(
    "topics", [[], None, "granular.subscribe", ["nothing"], [None], [["granular.subscribe"]], [{}], 7]
)
def test_unknown_and_missing_topics_are_refused(topics: object, database: Database) -> None:
    with database.unit_of_work() as session, pytest.raises(InvalidInput) as refused:
        create(session, topics=topics)
    assert refused.value.field == "topics"


def test_topics_are_stored_once_each_in_a_fixed_order(database: Database) -> None:
    with database.unit_of_work() as session:
        endpoint, _ = create(session, topics=["form.submitted", "granular.subscribe", "form.submitted"])
        assert endpoint.topics == ["granular.subscribe", "form.submitted"]


def test_a_deleted_endpoint_is_not_found_and_its_secrets_are_cleared(database: Database) -> None:
    with database.unit_of_work() as session:
        endpoint, _ = create(session)
        endpoints.rotate_secret(session, endpoint.id, **BY_MAX)
        endpoints.delete(session, endpoint.id, **BY_MAX)
        assert (endpoint.secret, endpoint.previous_secret) == (b"", None)
        assert endpoints.find_all(session) == []
        for change in (endpoints.delete, endpoints.disable, endpoints.enable, endpoints.rotate_secret):
            with pytest.raises(NotFound):
                change(session, endpoint.id, **BY_MAX)
        with pytest.raises(NotFound):
            endpoints.find(session, endpoint.id)


def test_only_real_changes_are_in_the_audit_log(database: Database) -> None:
    with database.unit_of_work() as session:
        endpoint, _ = create(session)
        for given in (EndpointChange(URL, ["granular.subscribe"]), EndpointChange(URL + "/2")):
            endpoints.change(session, endpoint.id, given, reach=Reach.INTERNET, **BY_MAX)
        for change in (
            endpoints.disable,
            endpoints.disable,
            endpoints.enable,
            endpoints.enable,
            endpoints.rotate_secret,
        ):
            change(session, endpoint.id, **BY_MAX)
        endpoints.delete(session, endpoint.id, **BY_MAX)
        query = (
            select(AuditEntry).where(AuditEntry.subject == f"webhook_endpoint:{endpoint.id}").order_by(AuditEntry.id)
        )
        entries = session.scalars(query).all()
    actions = [entry.action.removeprefix("webhook_endpoint.") for entry in entries]
    assert actions == ["created", "changed", "disabled", "enabled", "secret_rotated", "deleted"]
    assert {entry.actor for entry in entries} == {"agent:1"}


def test_the_number_of_endpoints_is_limited(database: Database) -> None:
    with database.unit_of_work() as session:
        for _ in range(endpoints.ENDPOINTS_MAX):
            create(session)
        with pytest.raises(InvalidState):
            create(session)


def test_an_endpoint_cannot_be_read_with_the_key_of_another_installation(database: Database) -> None:
    with database.unit_of_work() as session:
        encrypted = signatures.encrypt(keys_of(session), "whsec_one")
        assert signatures.decrypt(keys_of(session), encrypted) == "whsec_one"
        assert signatures.encrypt(keys_of(session), "whsec_one") != encrypted
