"""What an entry of the audit log is about: its name, and the page that shows it."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import url_for
from sqlalchemy.orm import Session

from app.core import audit
from app.core.accounts import agents, api_tokens
from app.core.bots import rules
from app.core.campaigns import drafts as campaigns
from app.core.contacts import records as contacts
from app.core.forms import publishing
from app.core.outbound_chats import drafts as outbound_chats
from app.core.subscriptions import subscription_types
from app.core.webhooks import endpoints
from app.core.wording import translatable
from app.web import people
from app.web.i18n import gettext

_KINDS = {
    "agent": translatable("Agent %(id)s"),
    "bot": translatable("Bot %(id)s"),
    "bulk_job": translatable("Bulk job %(id)s"),
    "contact": translatable("Contact %(id)s"),
    "conversation": translatable("Conversation %(id)s"),
    "form": translatable("Form %(id)s"),
    "inserted_form": translatable("Sent form %(id)s"),
    "saved_reply": translatable("Saved reply %(id)s"),
    "segment": translatable("Segment %(id)s"),
    "subscription_type": translatable("Subscription type %(id)s"),
    "tag": translatable("Tag %(id)s"),
    "token": translatable("API token %(id)s"),
    "webhook_endpoint": translatable("Webhook endpoint %(id)s"),
}
# Drafts that were deleted: their number follows.
_DELETED = {"campaign": translatable("Campaign"), "outbound_chat": translatable("Outbound chat")}
# Their code has a hash, which says nothing to people.
_HIDDEN = {
    "suppression": translatable("A phone number"),
    "destination": translatable("Phone number or email address"),
}
_NAMED = {
    f"agent:{audit.UNKNOWN}": translatable("An unknown address"),
    "workspace": translatable("The workspace"),
    "outbox": translatable("Events for webhooks"),
    "confirmations": translatable("Confirmation texts"),
}


@dataclass(frozen=True)
class Subject:
    """``url`` is null where no page shows it."""

    name: str
    url: str | None = None


def subject_of(session: Session, code: str, time_zone: str) -> Subject:
    """The subject with this code. Arguments as for ``subjects_of``."""
    return subjects_of(session, {code}, time_zone)[code]


def subjects_of(session: Session, codes: Collection[str], time_zone: str) -> dict[str, Subject]:
    """The subjects by their code, such as ``form:3``.

    :param time_zone: of the workspace, for the names of contacts
    """
    ids: dict[str, set[int]] = defaultdict(set)
    for code in codes:
        kind, _, number = code.partition(":")
        if number.isdigit() and len(number) < 19:
            ids[kind].add(int(number))
    known = _of_staff(session) | _of_configuration(session) | _of_people(session, ids, time_zone)
    known |= _of_sendings(session, ids)
    return {code: known.get(code) or _unnamed(code) for code in codes}


def _of_staff(session: Session) -> dict[str, Subject]:
    found = {
        agents.subject_of(each): Subject(agents.label(each), url_for("admin.agent_page", agent_id=each.id))
        for each in agents.find_all(session)
    }
    for code, name in api_tokens.names(session).items():
        found[code.replace("api", "token")] = Subject(name, url_for("admin.tokens_page"))
    return found


def _of_configuration(session: Session) -> dict[str, Subject]:
    """Forms, types, bots and endpoints; these by their hosts: a path may be a secret, and the file has it, too."""
    found = {}
    for form in (each.form for each in publishing.find_all(session)):
        found[f"form:{form.id}"] = Subject(form.name, url_for("admin.form_page", form_id=form.id))
    for each in subscription_types.find_all(session):
        found[f"subscription_type:{each.id}"] = Subject(each.name, url_for("admin.subscription_type", type_id=each.id))
    for listed in rules.find_all(session):
        page = url_for("bots.bot", rule_id=listed.rule.id)
        found[f"bot:{listed.rule.id}"] = Subject(listed.rule.name, page)
    for endpoint in endpoints.find_all(session):
        page = url_for("admin.webhook_page", endpoint_id=endpoint.id)
        found[endpoints.subject_of(endpoint)] = Subject(urlsplit(endpoint.url).hostname or "", page)
    return found


def _of_sendings(session: Session, ids: Mapping[str, Collection[int]]) -> dict[str, Subject]:
    """Campaigns and outbound chats with these ids."""
    found = {}
    for campaign_id, name in campaigns.names(session, ids["campaign"]).items():
        page = url_for("campaigns.campaign_page", campaign_id=campaign_id)
        found[f"campaign:{campaign_id}"] = Subject(name, page)
    for chat_id, name in outbound_chats.names(session, ids["outbound_chat"]).items():
        found[f"outbound_chat:{chat_id}"] = Subject(name, url_for("outbound_chats.chat_page", chat_id=chat_id))
    return found


def _of_people(session: Session, ids: Mapping[str, Collection[int]], time_zone: str) -> dict[str, Subject]:
    """Contacts, conversations and bulk jobs with these ids."""
    found = {
        f"contact:{each.id}": Subject(
            people.label(each, time_zone), url_for("contacts.contact", public_id=each.public_id)
        )
        for each in contacts.find_by_ids(session, ids["contact"]).values()
    }
    for number in ids["conversation"]:
        page = url_for("inbox.conversation_page", conversation_id=number)
        found[f"conversation:{number}"] = Subject(gettext(_KINDS["conversation"], id=number), page)
    for number in ids["bulk_job"]:
        page = url_for("bulk.job_page", job_id=number)
        found[f"bulk_job:{number}"] = Subject(gettext(_KINDS["bulk_job"], id=number), page)
    return found


def _unnamed(code: str) -> Subject:
    kind, _, number = code.partition(":")
    if code in _NAMED:
        return Subject(gettext(_NAMED[code]))
    if kind in _HIDDEN:
        return Subject(gettext(_HIDDEN[kind]))
    if kind in _DELETED:
        return Subject(f"{gettext(_DELETED[kind])} {number}")
    return Subject(gettext(_KINDS[kind], id=number) if kind in _KINDS else code)
