"""The samples of pages in the database: written for many pages together, read for the integration check."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from app.core.site import counts, snippets
from app.core.site.samples import PATHS_MAX, Batch, Page, PageReport, Sample, SiteReports
from app.db import insert_into
from app.models import SiteSample

KEEP = timedelta(days=30)
# Of an origin that is not allowed, a few pages are enough to see where the snippet is.
_PATHS_OF_UNKNOWN_MAX = 10
# Of all origins together, the latest.
PAGES_MAX = 2000


@dataclass(frozen=True)
class PageSamples:
    """What a page sent last, by signed-in and by other visitors. Without a sample it only loaded the script."""

    origin: str
    path: str
    signed_in: Sample | None
    signed_out: Sample | None
    views: int
    changed_at: datetime
    last_seen_at: datetime

    @property
    def samples(self) -> list[Sample]:
        return [each for each in (self.signed_in, self.signed_out) if each is not None]


def write_waiting(session: Session, reports: SiteReports, *, at: datetime) -> None:
    """Write everything that waits in this process, by one statement a table. What cannot be written waits again.

    Of an allowed origin the 200 pages that were seen last are kept. Of the others at most 20 new origins a day are,
    and 10 pages of each.
    """
    batch = reports.take()
    try:
        _write(session, batch, at=at)
        session.flush()
    except BaseException:
        reports.give_back(batch)
        raise


def find(session: Session) -> list[PageSamples]:
    """The pages that were seen last, at most 2,000, the latest first."""
    columns = (SiteSample.origin, SiteSample.path, SiteSample.shape, SiteSample.views, SiteSample.changed_at)
    latest = select(*columns, SiteSample.last_seen_at).order_by(SiteSample.last_seen_at.desc(), *columns[:2])
    return [
        PageSamples(
            origin,
            path,
            _sample(origin, path, shape, "signed_in"),
            _sample(origin, path, shape, "signed_out"),
            views,
            changed_at,
            last_seen_at,
        )
        for origin, path, shape, views, changed_at, last_seen_at in session.execute(latest.limit(PAGES_MAX))
    ]


def delete_old(session: Session, *, at: datetime) -> int:
    """Delete pages that were not seen for 30 days; returns how many."""
    old = select(SiteSample.origin, SiteSample.path).where(SiteSample.last_seen_at < at - KEEP).limit(500)
    pages = [(row.origin, row.path) for row in session.execute(old)]
    if pages:
        session.execute(delete(SiteSample).where(_is_one_of(pages)))
    return len(pages)


def _write(session: Session, batch: Batch, *, at: datetime) -> None:
    allowed = snippets.allowed_origins(session)
    pages = _with_room(session, batch.pages, allowed, at=at)
    if pages:
        _upsert(session, pages, at=at)
    for origin in sorted({origin for origin, _ in pages}):
        _keep_latest(session, origin, PATHS_MAX if origin in allowed else _PATHS_OF_UNKNOWN_MAX)
    counts.add(session, batch.counts, at=at)


def _with_room(
    session: Session, pages: Mapping[Page, PageReport], allowed: set[str], *, at: datetime
) -> dict[Page, PageReport]:
    """The pages to be written, sorted, so that two processes lock rows in one order."""
    others = sorted({origin for origin, _ in pages} - allowed)
    known = set(session.scalars(select(SiteSample.origin).distinct().where(SiteSample.origin.in_(others))))
    of_today = select(func.count(func.distinct(SiteSample.origin))).where(
        SiteSample.first_seen_at > at - timedelta(days=1), SiteSample.origin.not_in(sorted(allowed))
    )
    room = max(0, snippets.UNKNOWN_A_DAY - int(session.scalar(of_today) or 0)) if others else 0
    taken = {*allowed, *known, *[origin for origin in others if origin not in known][:room]}
    return {page: pages[page] for page in sorted(pages) if page[0] in taken}


def _upsert(session: Session, pages: Mapping[Page, PageReport], *, at: datetime) -> None:
    known = {(row.origin, row.path): row for row in session.scalars(select(SiteSample).where(_is_one_of(pages)))}
    rows = [_row(page, report, known.get(page), at=at) for page, report in pages.items()]
    statement = insert_into(session, SiteSample)
    new = statement.excluded
    changes = {
        "shape": new.shape,
        "views": SiteSample.views + new.views,
        "changed_at": new.changed_at,
        "last_seen_at": new.last_seen_at,
    }
    key = [SiteSample.origin, SiteSample.path]
    session.connection().execute(statement.on_conflict_do_update(index_elements=key, set_=changes), rows)


def _row(page: Page, report: PageReport, known: SiteSample | None, *, at: datetime) -> dict[str, Any]:
    before = dict(known.shape) if known else {}
    sent = {"signed_in": report.signed_in, "signed_out": report.signed_out}
    shape = before | {name: sample.shape for name, sample in sent.items() if sample}
    return {
        "origin": page[0],
        "path": page[1],
        "shape": shape,
        "views": report.views,
        "first_seen_at": at,
        "changed_at": known.changed_at if known and shape == before else at,
        "last_seen_at": at,
    }


def _keep_latest(session: Session, origin: str, most: int) -> None:
    is_of_origin = SiteSample.origin == origin
    latest = select(SiteSample.path).where(is_of_origin).order_by(SiteSample.last_seen_at.desc(), SiteSample.path)
    session.execute(delete(SiteSample).where(is_of_origin, SiteSample.path.not_in(latest.limit(most))))


def _is_one_of(pages: Iterable[Page]) -> ColumnElement[bool]:
    paths: dict[str, list[str]] = {}
    for origin, path in pages:
        paths.setdefault(origin, []).append(path)
    return or_(*(and_(SiteSample.origin == origin, SiteSample.path.in_(some)) for origin, some in paths.items()))


def _sample(origin: str, path: str, shape: Mapping[str, Any], visitor: str) -> Sample | None:
    if visitor not in shape:
        return None
    return Sample.read(origin, path, shape[visitor], is_signed_in=visitor == "signed_in")
