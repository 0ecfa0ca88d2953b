"""The words of a receipt as a document for printing, in the language of the page."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from app.core import phone
from app.core.ledger.events import LedgerLine
from app.core.proof import rule_words, rules
from app.core.proof.pdf import Document, Section
from app.core.proof.rules import Assessment
from app.models import Action, Contact, EvidenceLevel, Source, Workspace
from app.web import formatting, i18n, people, shown_words
from app.web.contacts import evidence_details, labels
from app.web.i18n import gettext


def document(
    line: LedgerLine,
    receipt: dict[str, Any],
    assessments: Sequence[Assessment],
    type_name: str,
    workspace: Workspace,
    contact: Contact | None,
) -> Document:
    """What was seen, what proves it, who is responsible, and what the rules ask for.

    :param type_name: of the subscription type; empty where the event is about all
    :param contact: the one of the event, or that it was merged into; null where the event is about a number alone
    """
    title = gettext("Receipt of event %(event)s", event=line.event.id)
    happened = ", ".join(filter(None, (gettext(labels.TITLES[Action(line.event.action)]), type_name)))
    sections = [
        Section(gettext("What they saw"), [], _seen(line)),
        Section(happened, [*_person(contact, workspace), *_evidence(line, workspace)]),
        Section(gettext("Proof"), list(_proof(receipt))),
        Section(gettext("Controller"), list(_controller(workspace))),
        Section(
            gettext("What rules ask for, and what the record shows"),
            [],
            (gettext(labels.NO_ADVICE),) if assessments else (),
        ),
        *(Section(each.rule.name, list(_rule(each))) for each in assessments),
    ]
    lang = i18n.current_locale().partition("_")[0]
    subtitle = f"{_time(line.event.occurred_at, workspace)} · {workspace.controller_name or workspace.name}"
    return Document(
        title, subtitle, [each for each in sections if each.rows or each.text], lang, i18n.page_dir() == "rtl"
    )


def _seen(line: LedgerLine) -> tuple[str, ...]:
    shown = rules.shown_text(line.words)
    if shown is None or line.words is None:
        return ()
    page = shown_words.reproduction(line.words)
    number, button = shown_words.number_on_page(line.evidence, page), shown.button
    title, field = page.shown.get("form_title", ""), page.shown.get("label") or page.shown.get("saved_label")
    above = (shown.brand, title, field, page.shown.get("hint"), f"[ {number} ]" if number else "")
    rest = shown.text.removeprefix(title).splitlines()
    below = (*rest, *shown.notes, *shown.links, f"[ {button} ]" if button else "")
    return tuple(part for part in (*above, *below) if part)


def _person(contact: Contact | None, workspace: Workspace) -> Iterable[tuple[str, str]]:
    if contact is not None:
        yield gettext("Person"), people.label(contact, workspace.time_zone)
        yield gettext("Contact id"), contact.public_id


def _evidence(line: LedgerLine, workspace: Workspace) -> Iterable[tuple[str, str]]:
    event, evidence = line.event, line.evidence
    yield gettext("Evidence"), gettext(labels.LEVELS[EvidenceLevel(event.evidence_level)])
    yield gettext("Source"), gettext(labels.SOURCES[Source(event.source)])
    yield gettext("Recorded by"), formatting.actor(event.actor, {})
    if evidence is None:
        yield gettext("Evidence"), gettext("The evidence was erased. Only the event is left.")
    else:
        values = (
            (gettext("Number or address"), phone.formatted(evidence.destination) if evidence.destination else ""),
            (gettext("Note"), evidence.note),
            (gettext("Page"), evidence.page),
            (gettext("Origin"), evidence.origin),
            (gettext("Language"), evidence.locale),
            (gettext("IP address"), evidence.ip_address),
            (gettext("Browser"), evidence.user_agent),
            *_details(evidence.details or {}, workspace),
        )
        yield from ((name, str(value)) for name, value in values if value)
    yield gettext("Recorded"), _time(event.recorded_at, workspace)


def _details(details: dict[str, Any], workspace: Workspace) -> Iterable[tuple[str, Any]]:
    for name, value in details.items():
        shown = evidence_details.detail_value(value, name, {}, workspace.time_zone)
        yield evidence_details.detail_name(name), shown.striptags() if isinstance(shown, Markup) else shown


def _proof(receipt: dict[str, Any]) -> Iterable[tuple[str, str]]:
    proof = receipt["proof"]
    yield gettext("Receipt id"), receipt["dct:identifier"]
    if proof is None:
        yield gettext("Seal"), gettext("Not sealed yet")
        return
    index, count = proof["index"] + 1, proof["seal"]["count"]
    yield gettext("Seal"), str(proof["seal"]["id"])
    yield gettext("Position in the seal"), gettext("%(index)s of %(count)s", index=index, count=count)
    yield gettext("Hash of the event"), proof["leaf"]
    yield gettext("Root of the seal"), proof["seal"]["root"]
    yield gettext("Signed with the key"), receipt["signed_by"]["kid"]


def _controller(workspace: Workspace) -> Iterable[tuple[str, str]]:
    nothing = gettext("Not stated")
    yield gettext("Name"), workspace.controller_name or workspace.name
    yield gettext("Postal address"), workspace.controller_address or nothing
    yield gettext("Contact"), workspace.controller_contact or workspace.help_contact or nothing
    yield gettext("Jurisdiction"), workspace.jurisdiction or nothing
    yield gettext("Data stored in"), workspace.storage_location or nothing
    yield gettext("Recipients"), ", ".join(workspace.recipients) or gettext("None")


def _rule(assessment: Assessment) -> Iterable[tuple[str, str]]:
    yield gettext("Source"), f"{assessment.rule.source} ({assessment.rule.as_of})"
    for element, found in assessment.findings.items():
        verdict = gettext(labels.VERDICTS[found.verdict])
        yield gettext(rule_words.ELEMENTS[element]), f"{verdict}. {labels.finding(found)}"


def _time(at: datetime, workspace: Workspace) -> str:
    return formatting.exact_time(at, workspace.time_zone).striptags()
