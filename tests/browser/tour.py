"""The pages of the demo workspace, for the accessibility tests and for ``make pictures``."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import quote

from playwright.sync_api import Page
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.config import Settings
from app.core import clock, demo
from app.core.accounts import agents as accounts
from app.core.bulk import drafts, jobs
from app.core.campaigns import drafts as campaign_drafts
from app.core.campaigns.drafts import CampaignValues
from app.core.conversations import saved_replies
from app.core.conversations.saved_replies import ReplyContent
from app.core.exports import jobs as exports
from app.core.exports.parts import Export, Format, What
from app.core.forms import insertion, publishing
from app.core.forms.content import FormContent, FormText
from app.core.forms.publishing import FormSettings
from app.core.ledger import sealing
from app.core.preferences import erasure_requests, links
from app.core.problems import failures
from app.core.site import sample_rows, snippets
from app.core.site.samples import Sample, SiteReports, ValueKind
from app.core.webhooks import attempts, endpoints, routing
from app.core.webhooks.attempts import AttemptOutcome, Schedule
from app.core.workspace import bootstrap
from app.db import Database
from app.http_client import Reach
from app.jobs import run_bulk_jobs
from app.jobs.count_reach import count_due
from app.jobs.route_outbox import sweep_outbox
from app.models import (
    Agent,
    CampaignRecipient,
    CampaignState,
    Consent,
    ConsentEvent,
    Contact,
    Conversation,
    EvidenceLevel,
    FailureKind,
    InsertedForm,
    JobKind,
    JobState,
    OptInForm,
    OutboundChat,
    Outcome,
    Segment,
    SiteCountKind,
    SubscriptionType,
)
from tests import make
from tests.core.imports import files as import_files


@dataclass(frozen=True)
class Demo:
    """The paths of every page of the demo; ``embeds``, those that people open, with the state that each shows."""

    address: str
    signed_out: tuple[str, ...]
    staff: tuple[str, ...]
    embeds: dict[str, str]
    asking: str
    contact: str
    number: str
    form: str

    def at(self, address: str) -> "Demo":
        return replace(self, address=address)


def fill(settings: Settings) -> Demo:
    """Create the demo workspace, and a form in every state."""
    database = bootstrap.open_database(settings)
    bootstrap.make_ready(database)
    now = clock.now()
    with database.unit_of_work() as session:
        demo.fill(session, at=now, password_hash=accounts.hash_password(demo.DEMO_PASSWORD))
        key, form_id = session.execute(
            select(OptInForm.key, OptInForm.id).where(OptInForm.archived_at.is_(None)).order_by(OptInForm.id)
        ).first() or ("", 0)
        form = publishing.find(session, form_id)
        type_id = publishing.newest_version(session, form).subscription_type_id
        signed_up = session.scalars(
            select(Contact)
            .join(Consent)
            .where(
                Consent.subscription_type_id == type_id,
                Consent.state == "opted_in",
                Consent.destination == Contact.phone,
                Contact.sms_block.is_(None),
            )
        ).first()
        with_consent = select(Consent.contact_id).where(Consent.subscription_type_id == type_id)
        saved = session.scalars(
            select(Contact).where(Contact.sms_block.is_(None), Contact.id.not_in(with_consent))
        ).first()
        assert signed_up
        assert saved
        place = {"inserted_by": "demo", "at": now}
        withdrawn = insertion.insert_for(session, form, saved, **place)
        withdrawn.withdrawn_at = now
        embeds = {
            f"/f/form/{key}": "ask",
            f"/f/{insertion.insert_for(session, form, saved, **place).token}": "saved",
            f"/f/{insertion.insert_for(session, form, signed_up, **place).token}": "signed_up",
            f"/f/{withdrawn.token}": "unavailable",
            "/f/nobody": "error",
            **_preferences(session, signed_up, saved, type_id),
        }
        late = InsertedForm(
            token="late-late-late-late-12",
            form_id=form.id,
            version_id=publishing.newest_version(session, form).id,
            inserted_by="demo",
            created_at=now - timedelta(days=40),
            expires_at=now - timedelta(days=10),
        )
        session.add(late)
        embeds[f"/f/{late.token}"] = "expired"
        chats = session.scalars(select(Conversation.id).order_by(Conversation.id)).all()
        types = session.scalars(select(SubscriptionType.id).order_by(SubscriptionType.id)).all()
        contact, number = f"/contacts/{signed_up.public_id}", signed_up.phone or ""
        old = publishing.create(
            session,
            FormContent(type_id, {"en": FormText("Offers of last winter")}),
            FormSettings("Last winter"),
            actor="agent:1",
            at=now,
        )
        publishing.archive(session, old, actor="agent:1", at=now)
        content = ReplyContent("Offers", "Hello {name|there}, sign up here:", form_id)
        reply = saved_replies.create(session, content, actor="agent:1", at=now)
        agents = session.scalars(select(Agent.id).order_by(Agent.id)).all()
        webhooks = _webhooks(session)
        bulk = _bulk(session, type_id)
        campaigns = _campaigns(session, type_id)
        outbound = _outbound_chats(session)
        erasure_requests.request(session, saved.id, at=now - timedelta(days=31))
        for kind, name in ((FailureKind.JOB, "purge_erased"), (FailureKind.MAIL, demo.AGENT)):
            failures.record(session, kind, name, OSError("Connection refused"), at=now)
        snippets.record(session, "embed", "https://copy.example.com", at=now)
        _website(session)
        segment = session.scalars(select(Segment.public_id)).first() or ""
        receipts = session.scalars(
            select(ConsentEvent.id).where(ConsentEvent.contact_id == signed_up.id).order_by(ConsentEvent.id)
        ).all()
    _exports(database)
    imports = import_files.for_tour(database, type_id)
    sealing.seal(database)
    sweep_outbox(database)  # until then the overview has no answers
    count_due(database)
    database.close()
    return Demo(
        address="",
        signed_out=("/", "/shop", "/sign-in", "/forgot-password", "/nothing-here", "/api/docs"),
        staff=(
            "/",
            "/inbox",
            "/inbox?box=closed",
            *(f"/inbox/{chat}" for chat in chats),
            f"/inbox/{chats[0]}/forms",
            f"/inbox/{chats[0]}/insert",
            f"/inbox/{chats[0]}/replies",
            "/inbox/replies",
            "/inbox/replies/new",
            f"/inbox/replies/{reply.id}",
            f"/inbox/{chats[0]}?reply={reply.id}",
            f"/inbox/new/{signed_up.public_id}",
            "/admin/overview",
            "/admin/overview?days=365",
            "/admin/forms",
            "/admin/forms/new",
            f"/admin/forms/{form_id}",
            f"/admin/forms/{form_id}/kit",
            f"/admin/forms/{old.id}",
            "/admin/setup",
            "/admin/try",
            "/admin/subscription-types",
            "/admin/subscription-types/new",
            *(f"/admin/subscription-types/{type_id}" for type_id in types),
            "/admin/subscription-types/preview",
            "/admin/subscription-types/preview/frame?channel=sms&lang=en",
            "/admin/messenger",
            "/admin/website",
            "/admin/website?only=wrong&origin=https://copy.example.com",
            *webhooks,
            "/admin/settings",
            "/admin/sending",
            "/bots",
            "/bots/new",
            "/bots/1",
            "/campaigns",
            "/campaigns/new",
            "/campaigns/health",
            *campaigns,
            "/outbound-chats",
            "/outbound-chats/new",
            *outbound,
            "/admin/failures",
            "/admin/ledger",
            "/admin/audit",
            "/admin/audit?kind=failed",
            "/admin/audit?actor=agent:999",
            "/admin/agents",
            "/admin/agents/invite",
            *(f"/admin/agents/{agent}" for agent in agents),
            "/admin/tokens",
            "/contacts",
            "/contacts/opt-ins",
            *bulk,
            "/deletion-requests",
            "/number-reviews",
            "/sandbox",
            "/sandbox/+12025550123",
            "/exports",
            *imports,
            "/contacts?q=ana",
            "/contacts?do=add&new=role&part-0-match=any&part-0-0-field=phone_country&part-0-0-operator=is",
            "/contacts?filter=%7B%22field%22%3A%22blocked%22%2C%22operator%22%3A%22%3D%22%2C%22value%22%3Afalse%7D&sort=-name",
            "/segments",
            f"/segments/{segment}",
            f"/contacts?q={quote(signed_up.phone or '')}",
            contact,
            f"/contacts/{saved.public_id}",
            f"/contacts/{saved.public_id}?on={type_id}",
            f"{contact}?show=changes",
            "/contacts/new",
            f"{contact}/edit",
            f"{contact}/merge?q=a",
            f"/contacts/{saved.public_id}/merge/{signed_up.public_id}",
            "/contacts/duplicates",
            *(f"/receipts/{event}" for event in receipts),
            "/show-me",
            "/account",
            "/account/password",
            "/nothing-here",
        ),
        embeds=embeds,
        asking=f"/f/form/{key}",
        contact=contact,
        number=number,
        form=f"/admin/forms/{form_id}",
    )


def _exports(database: Database) -> None:
    """One that is complete, and one that waits for the worker."""
    for export in (Export(What.CONTACTS, Format.CSV), Export(What.EVENTS, Format.JSONL)):
        with database.unit_of_work() as session:
            job_id = exports.start(session, export, actor="agent:1", at=clock.now()).id
        if export.what == What.CONTACTS:
            run_bulk_jobs.run_until_done(database, job_id)


def each_kind(paths: tuple[str, ...], most: int = 2) -> list[str]:
    """The paths, of each page at most so many: the first conversations, deliveries, types and teammates."""
    kinds = [re.sub(r"/[0-9a-f]*[0-9][0-9a-f]*", "/1", path) for path in paths]
    return [path for place, path in enumerate(paths) if kinds[:place].count(kinds[place]) < most]


def _website(session: Session) -> None:
    """Pages of which the integration check shows every kind of line."""
    right = Sample(
        origin="https://shop.example.com",
        path="/checkout/delivery",
        source="insider_object",
        phone_number=ValueKind.GIVEN,
        sms_optin=ValueKind.TRUE,
        gdpr_optin=ValueKind.TRUE,
        uuid=ValueKind.GIVEN,
        identity="signed",
        is_signed_in=True,
    )
    problems = ("phone_number:not_e164", "sms_optin:not_a_boolean", "uuid:unknown")
    wrong = replace(right, path="/cart", sms_optin=ValueKind.REFUSED, identity="user_hash_wrong", problems=problems)
    reports = SiteReports()
    reports.see(right.origin, "/orders/*/items/*")
    for sample in (right, wrong, replace(right, origin="https://copy.example.com", path="/", source="both")):
        reports.add(sample)
    for code in (*problems, "uuid:junk"):
        reports.count(SiteCountKind.REFUSED, code)
    reports.count(SiteCountKind.IDENTITY, "user_hash_wrong")
    snippets.allow(session, right.origin, actor="agent:1", at=clock.now())
    sample_rows.write_waiting(session, reports, at=clock.now())


def _preferences(session: Session, signed_up: Contact, saved: Contact, type_id: int) -> dict[str, str]:
    """The pages of the preference center, with their states."""
    token, other = (
        links.issue(session, contact, level=EvidenceLevel.PERSONAL_LINK, at=clock.now())
        for contact in (signed_up, saved)
    )
    return {
        f"/p/{token}": "preferences",
        f"/p/{token}/record": "record",
        f"/p/{other}/subscription_types/{type_id}": "subscribe",
        "/p/nobody": "unavailable",
    }


def _bulk(session: Session, type_id: int) -> tuple[str, ...]:
    """Create drafts of bulk changes and jobs in other states than the demo's; returns the paths of their pages."""
    now, kind, everyone = clock.now(), JobKind.SUBSCRIBE, {"query": None}
    done = jobs.newest(session, limit=1)[0].id
    tag = drafts.begin(session, JobKind.TAG, everyone, actor="agent:1", at=now)
    preview = drafts.begin(session, kind, everyone, actor="agent:1", at=now)
    drafts.choose(session, preview, subscription_type_id=type_id, at=now)
    choosing = f"/bulk/{preview.id}?step=choose"
    failed, running, waits = (
        jobs.create(session, kind, {"selection": everyone}, actor="agent:1", at=now, subscription_type_id=type_id)
        for _ in range(3)
    )
    for each in (failed, running, waits):
        jobs.start(session, each, at=now)
        each.total, each.done, each.changed = 900, 300, 300
    running.state, failed.error = JobState.RUNNING, "OperationalError"
    jobs.finish(failed, JobState.FAILED, at=now)
    pages = [f"/bulk/{each.id}" for each in (preview, tag, failed, running, waits)]
    return ("/bulk", f"/bulk/{done}", f"/bulk/{done}/contacts?outcome=changed", choosing, *pages)


def _campaigns(session: Session, type_id: int) -> tuple[str, ...]:
    """Create a draft with a dear text, and campaigns that are sent or paused; returns the paths of their pages."""
    now, states = clock.now(), (CampaignState.DRAFT, CampaignState.SENDING, CampaignState.PAUSED)
    made = []
    for state in states:
        content = CampaignValues(f"Winter sale, {state}", type_id, "Hi {{ first_name | there }}, it’s our “sale” – 20%")
        campaign = campaign_drafts.create(session, content, actor="agent:1", at=now)
        campaign.state, campaign.pause_reason = state, "spend" if state == CampaignState.PAUSED else None
        if state != CampaignState.DRAFT:
            campaign.started_at, campaign.total, campaign.eligible = now, 4, 3
            campaign.excluded, campaign.price_ceiling_micros = {"not_opted_in": 1}, 1_000_000
        made.append(campaign)
    draft, running, paused = made
    people = session.scalars(select(Contact.id).where(Contact.archived_at.is_(None)).limit(3)).all()
    outcomes = ((Outcome.DELIVERED, None), (Outcome.DEFERRED, "quiet_hours"), (Outcome.SKIPPED, "suppressed"))
    for contact_id, (outcome, reason) in zip(people, outcomes, strict=True):
        values = {"outcome": outcome, "reason": reason, "changed_at": now, "due_at": now + timedelta(hours=9)}
        rule = "us_tx_sunday" if reason == "quiet_hours" else None
        session.add(CampaignRecipient(campaign_id=running.id, contact_id=contact_id, rule=rule, **values))
    pages = [f"/campaigns/{each.id}" for each in (draft, running, paused)]
    of_draft = (f"{pages[0]}/edit", f"{pages[0]}/audience", f"{pages[0]}/why?q={quote(make.SAMS_NUMBER)}")
    return (*pages, *of_draft, f"{pages[1]}/recipients")


def _outbound_chats(session: Session) -> tuple[str, ...]:
    """Create a draft with a form; returns the paths of its pages, and of the one that has ended."""
    (ended,) = session.scalars(select(OutboundChat.id)).all()
    form = session.scalars(select(OptInForm).where(OptInForm.archived_at.is_(None)).limit(1)).one()
    draft = f"/outbound-chats/{make.outbound_chat(session, form, at=clock.now()).id}"
    of_ended = (f"/outbound-chats/{ended}", f"/outbound-chats/{ended}/recipients")
    return (draft, f"{draft}/edit", f"{draft}/audience?reason=opted_out", *of_ended)


def _webhooks(session: Session) -> tuple[str, ...]:
    """Create endpoints and a delivery in each state; returns the paths of their pages."""
    now, ids = clock.now(), []
    for name in ("shop", "till", "old-office"):
        url = f"https://{name}.example.com/hooks/assent"
        made = endpoints.create(session, url, list(endpoints.TOPICS), reach=Reach.INTERNET, actor="agent:1", at=now)
        ids.append(made[0].id)
    healthy, failing, disabled = ids
    sent = [routing.send_test(session, healthy, actor="agent:1", at=now) for _ in range(4)]
    took = attempts.claim(session, endpoints.find(session, healthy), limit=3, lease=Schedule().lease, at=now)
    signed, headers = {"webhook-id": took[0].message_id}, {"content-type": "text/plain"}
    outcomes = [
        AttemptOutcome(took[0], now, signed, status=200, response_headers=headers, response="ok", duration_ms=84),
        AttemptOutcome(took[1], now, signed, status=410, response_headers=headers, response="", duration_ms=12),
        AttemptOutcome(took[2], now, signed, problem="No answer within 15 seconds.", duration_ms=15_000),
    ]
    attempts.record(session, outcomes, Schedule(), at=now)
    endpoints.enable(session, healthy, actor="agent:1", at=now)
    endpoints.rotate_secret(session, healthy, actor="agent:1", at=now)
    standing = endpoints.find(session, failing)
    standing.consecutive_failures, standing.paused_until = 14, now + timedelta(hours=1)
    endpoints.disable(session, disabled, actor="agent:1", at=now)
    session.flush()
    pages = [f"/admin/webhooks/{each}" for each in ids]
    deliveries = [f"/admin/webhooks/{healthy}/deliveries/{each}" for each in sent]
    return ("/admin/webhooks", "/admin/webhooks/new", *pages, f"{pages[0]}?state=failed", *deliveries)


def sign_in(page: Page, address: str, email: str) -> None:
    page.goto(f"{address}/sign-in")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(demo.DEMO_PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
