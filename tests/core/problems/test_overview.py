"""What the page of problems shows, and what its number counts."""

from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.core import audit, outbox
from app.core.problems import failures, overview
from app.core.site import snippets
from app.core.webhooks import endpoints, routing
from app.core.workspace import settings
from app.db import Database
from app.http_client import Reach
from app.models import DeliveryState, DisabledReason, FailureKind, WebhookDelivery, WebhookEndpoint
from tests.make import NOON


def endpoint(session: Session, name: str = "shop") -> WebhookEndpoint:
    url = f"https://{name}.example.com/hooks"
    return endpoints.create(session, url, ["contact.created"], reach=Reach.INTERNET, actor="agent:1", at=NOON)[0]


def failing(session: Session) -> list[str]:
    session.flush()
    problems = overview.read(session, at=NOON)
    return [each.endpoint.url for each in problems.endpoints]


def test_nothing_failed_in_a_new_workspace(database: Database) -> None:
    with database.unit_of_work() as session:
        endpoint(session)
        assert overview.read(session, at=NOON).is_empty
        assert overview.count(session) == 0


def test_endpoints_that_fail_or_were_given_up_are_shown_and_counted(database: Database) -> None:
    with database.unit_of_work() as session:
        fails, gone, disabled, deleted = (endpoint(session, name) for name in ("fails", "gone", "off", "deleted"))
        for each in (fails, disabled, deleted):
            each.consecutive_failures = 3
        gone.disabled_reason, gone.disabled_at = DisabledReason.GONE, NOON
        disabled.disabled_reason, disabled.disabled_at = DisabledReason.MANUAL, NOON
        session.flush()
        endpoints.delete(session, deleted.id, actor="agent:1", at=NOON)
        assert sorted(failing(session)) == sorted([fails.url, gone.url])
        assert overview.count(session) == 2


def test_an_endpoint_that_works_again_is_shown_while_deliveries_failed(database: Database) -> None:
    with database.unit_of_work() as session:
        works = endpoint(session)
        routing.send_test(session, works.id, actor="agent:1", at=NOON)
        session.execute(update(WebhookDelivery).values(state=DeliveryState.FAILED.value))
        assert failing(session) == [works.url]
        assert [each.counts.failed for each in overview.read(session, at=NOON).endpoints] == [1]


def test_jobs_mails_events_and_snippets_that_are_not_allowed_are_shown(database: Database) -> None:
    with database.unit_of_work() as session:
        failures.record(session, FailureKind.JOB, "purge_erased", OSError("locked"), at=NOON)
        failures.record(session, FailureKind.MAIL, "eve@example.com", OSError("refused"), at=NOON)
        for age_days in (29, 31):
            at = NOON - timedelta(days=age_days)
            audit.record(session, "system", "outbox.set_aside", outbox.AUDIT_SUBJECT, {"age": age_days}, at=at)
        settings.change(session, {"allowed_origins": ["https://shop.example"]}, actor="agent:1", at=NOON)
        for origin in ("https://shop.example", "https://copy.example"):
            snippets.record(session, "embed", origin, at=NOON)
        session.flush()
        problems = overview.read(session, at=NOON)
        assert [each.name for each in problems.jobs] == ["purge_erased"]
        assert [each.name for each in problems.mails] == ["eve@example.com"]
        assert [each.details["age"] for each in problems.events] == [29]
        assert [each.origin for each in problems.snippets] == ["https://copy.example"]
        assert not problems.is_empty
        assert overview.count(session) == 2
