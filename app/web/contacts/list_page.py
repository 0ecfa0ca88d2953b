"""The list of contacts as a page shows it: the rows, what can be filtered, counted and selected."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app, render_template, url_for
from sqlalchemy.orm import Session

from app.core import clock, phone
from app.core.accounts.rights import Right
from app.core.bulk import count_jobs
from app.core.contacts import exact_counts, filter_form, filters, list_rows, search, segments, typed_search
from app.core.contacts.exact_counts import Counted
from app.core.contacts.filter_form import FilterForm
from app.core.contacts.filter_rows import ADVANCED, Row
from app.core.contacts.filters import Query
from app.core.contacts.search import Window
from app.core.errors import InvalidInput, NotFound
from app.core.subscriptions import subscription_types
from app.core.wording import translatable
from app.core.workspace import settings
from app.models import BulkJob, Segment, SubscriptionType, TypeState
from app.web import filter_words
from app.web.contacts import list_request
from app.web.contacts.list_request import ListRequest
from app.web.i18n import sentence_of
from app.web.sign_in.setup import current_agent

PAGE_SIZE = 50
TYPES_BY_DEFAULT = 2
COLUMNS: Mapping[str, str] = {
    "phone": translatable("Phone number"),
    "email": translatable("Email address"),
    "external_id": translatable("External id"),
    "country": translatable("Country"),
    "role": translatable("Role"),
    "tags": translatable("Tags"),
    "created": translatable("Created"),
    "updated": translatable("Changed"),
    "last_seen": translatable("Last visit"),
}
ACTIONS: Mapping[str, str] = {
    "subscribe": translatable("Subscribe users"),
    "unsubscribe": translatable("Unsubscribe users"),
    "tag": translatable("Add tag"),
    "untag": translatable("Remove tag"),
    "archive": translatable("Archive"),
}


@dataclass(frozen=True)
class Built:
    """A filter that is being built: its rows, and what is wrong by their place."""

    form: FilterForm
    errors: Mapping[str, InvalidInput]


@dataclass
class _Found:
    """What was found, or why nothing can be."""

    window: Window
    counted: Counted | None = None
    error: InvalidInput | None = None
    is_page_error: bool = False


def shown(
    session: Session, asked: ListRequest, *, built: Built | None = None, segment: Segment | None = None
) -> tuple[str, int]:
    """The page and its status code.

    :param built: the filter that an agent is building; the list stays as it is until it is applied
    :param segment: whose contacts are listed; the address has no other filter
    """
    workspace = settings.get(session)
    zone = ZoneInfo(workspace.time_zone)
    found, query = _found(session, asked, segment)
    is_building = built is not None
    if built is None:
        built = _applied(asked, zone, segment)
    types = [each for each in subscription_types.find_all(session) if each.state == TypeState.LIVE]
    columns = _columns(asked, types)
    words = filter_words.of_workspace(session)
    filter_text = list_request.compact(_of_segment(segment)) if segment else asked.filter
    html = render_template(
        "contacts/list.html",
        asked=asked,
        rows=list_rows.of_ids(session, found.window.ids, [each for each in types if f"type-{each.id}" in columns]),
        window=found.window,
        packed=list_request.packed,
        counted=found.counted,
        count_job=_count_job(session, filter_text, asked.q, found),
        problem=sentence_of(found.error) if found.error else "",
        is_page_error=found.is_page_error,
        built=built,
        is_building=is_building,
        errors={place: sentence_of(error) for place, error in built.errors.items()},
        words=words,
        chips=words.chips(filter_form.form_of(query, zone)),
        is_all=filter_form.form_of(query, zone).is_all,
        sorts=list_request.SORTS,
        columns=columns,
        all_columns=_all_columns(types),
        types={f"type-{each.id}": each for each in types},
        actions=ACTIONS if _may_market() and "bulk.choose" in current_app.view_functions else {},
        links=_links(asked, filter_text),
        may_market=_may_market(),
        segment=segment,
        edited=_edited(session, asked),
        filter_text=filter_text,
        time_zone=workspace.time_zone,
        formatted=phone.formatted,
    )
    return html, _status(found, is_building and built.errors)


def _status(found: _Found, is_wrong: object) -> int:
    if found.is_page_error:
        return 400
    return 422 if found.error or is_wrong else 200


def _found(session: Session, asked: ListRequest, segment: Segment | None) -> tuple[_Found, Query | None]:
    """The page of contacts, and the filter that was applied."""
    query = None
    try:
        query = filters.read(segment.query) if segment else list_request.query_of(asked.filter)
        both = typed_search.and_typed(query, asked.q)
        after, before = list_request.unpacked(asked.after), list_request.unpacked(asked.before)
        window = search.window(session, both, asked.order, after=after, before=before, limit=PAGE_SIZE)
        return _Found(window, exact_counts.count(session, both)), query
    except InvalidInput as error:
        is_page_error = error.field in {"after", "starting_after"}
        return _Found(Window([], None, None), error=error, is_page_error=is_page_error), query


def _applied(asked: ListRequest, zone: ZoneInfo, segment: Segment | None) -> Built:
    """The builder with the filter of the list; a filter that cannot be used is there as it was given."""
    try:
        raw = filters.read(segment.query) if segment else list_request.query_of(asked.filter)
        return Built(filter_form.form_of(raw, zone), {})
    except InvalidInput as error:
        return Built(FilterForm(parts=(Row(ADVANCED, "", asked.filter),)), {"0": error})


def _of_segment(segment: Segment) -> dict[str, Any]:
    return {"field": "segment_id", "operator": "=", "value": segment.public_id}


def _edited(session: Session, asked: ListRequest) -> Segment | None:
    """The segment whose filter is being edited."""
    try:
        return segments.find(session, asked.edit) if asked.edit else None
    except NotFound:
        return None


def _all_columns(types: list[SubscriptionType]) -> list[tuple[str, str]]:
    names = list(COLUMNS.items())
    return [*names[:5], *((f"type-{each.id}", each.name) for each in types), *names[5:]]


def _columns(asked: ListRequest, types: list[SubscriptionType]) -> tuple[str, ...]:
    known = [name for name, _ in _all_columns(types)]
    of_types = [f"type-{each.id}" for each in types][:TYPES_BY_DEFAULT]
    return list_request.known_columns(asked.columns or ("phone", "email", *of_types, "created"), known)


def _count_job(session: Session, filter_text: str, q: str, found: _Found) -> BulkJob | None:
    if found.counted is None or not found.counted.is_minimum:
        return None
    return count_jobs.newest(session, list_request.selection(filter_text, q), at=clock.now())


def _links(asked: ListRequest, filter_text: str) -> dict[str, str]:
    """Pages of other parts of Assent that begin with these contacts."""
    if not _may_market():
        return {}
    links = {}
    if "exports.list_page" in current_app.view_functions:
        links["export"] = url_for("exports.list_page", filter=filter_text or None, q=asked.q or None)
    if "imports.new" in current_app.view_functions:
        links["import"] = url_for("imports.new")
    return links


def _may_market() -> bool:
    agent = current_agent()
    return agent is not None and agent.may(Right.MARKETING)
