"""One's own consent record: a page to read and print, and the same as JSON."""

import json

from flask import Response, request
from flask.typing import ResponseReturnValue

from app.core import clock
from app.core.preferences import center, links, record
from app.core.preferences.center import PreferenceCenter
from app.core.preferences.record import Entry
from app.core.wording import translatable
from app.core.workspace import settings
from app.models import Action, Source
from app.web import ids, shown_words
from app.web.i18n import gettext
from app.web.preference_page import page as preference_page
from app.web.preference_page.page import Publisher, publisher_of
from app.web.preferences.blueprint import blueprint
from app.web.preferences.reader import locale_of, view_of
from app.web.services import read_only

ENTRIES_A_PAGE = 50
ACTIONS = {
    Action.OPT_IN: translatable("Subscribed"),
    Action.OPT_OUT: translatable("Unsubscribed"),
    Action.CLAIM: translatable("Signed up by someone who was not verified; nothing changed"),
    Action.SUPPRESS: translatable("Texts to the number stopped"),
    Action.LIFT: translatable("Texts to the number allowed again"),
    Action.NUMBER_CHANGE: translatable("Number changed"),
    Action.GDPR_OFF: translatable("All messages refused"),
    Action.GDPR_ON: translatable("Messages allowed again"),
    Action.MERGE: translatable("Two records of you became one"),
    Action.ERASE: translatable("Data deleted"),
}
SOURCES = {
    Source.FORM: translatable("By you, with a form"),
    Source.PREFERENCE_CENTER: translatable("By you, on your page of subscriptions"),
    Source.KEYWORD: translatable("By a text from the number"),
    Source.VERIFICATION: translatable("By a code sent to the number, or a text from it"),
    Source.MESSENGER: translatable("By you, in the chat"),
    Source.SITE: translatable("On a website"),
    Source.AGENT: translatable("Entered by our team"),
    Source.CARRIER: translatable("Reported by the phone network"),
}
OTHER_SOURCE = translatable("By another program")


@blueprint.get("/<token>/record")
def own_record(token: str) -> ResponseReturnValue:
    if request.args.get("format") == "json":
        return _download(token)
    before = request.args.get("before", type=ids.whole_number)
    with read_only() as session:
        link = links.find(session, token)
        locale, at = locale_of(link), clock.now()
        found = record.read(session, link, locale, before=before, limit=ENTRIES_A_PAGE, at=at)
        publisher = publisher_of(settings.get(session))
    html = preference_page.record_html(
        view_of(publisher, token, locale),
        entries=[(each, shown_words.reproduction(each.words) if each.words else None) for each in found.entries],
        next_before=found.next_before,
        is_first=before is None,
        actions=lambda action: gettext(ACTIONS[Action(action)]),
        sources=lambda source: gettext(SOURCES.get(Source(source), OTHER_SOURCE)),
    )
    return preference_page.respond(html, 200, publisher)


def _download(token: str) -> Response:
    with read_only() as session:
        link = links.find(session, token)
        locale, at = locale_of(link), clock.now()
        entries = record.read_all(session, link, locale, at=at)
        texts = record.texts_of(session, link, at=at)
        found = center.read(session, link, locale, at=at)
        publisher = publisher_of(settings.get(session))
    body = _as_json(publisher, found, entries) | {"texts": texts, "made_at": at.isoformat(timespec="seconds")}
    response = Response(json.dumps(body, ensure_ascii=False, indent=1) + "\n", mimetype="application/json")
    response.headers.update(
        {
            "Content-Disposition": 'attachment; filename="consent-record.json"',
            "Referrer-Policy": "no-referrer",
            "X-Robots-Tag": "noindex",
        }
    )
    return response


def _as_json(publisher: Publisher, found: PreferenceCenter, entries: list[Entry]) -> dict[str, object]:
    return {
        "type": "consent_record",
        "workspace": publisher.brand,
        "phone": found.number or None,
        "email": found.address or None,
        "subscriptions": [
            {
                "subscription_type": each.text.name,
                "channel": each.channel,
                "status": each.state.value,
                "subscribed": each.is_subscribed,
                "changed_at": each.changed_at.isoformat(timespec="seconds") if each.changed_at else None,
            }
            for each in found.subscriptions
        ],
        "events": [record.as_json(each) for each in entries],
    }
