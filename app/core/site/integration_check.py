"""Is the user object of each page right? The checklist for one page, from what it sent last, and for all pages.

A page may be opened by signed-in and by other visitors. What only signed-in visitors have is checked in their samples.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from app.core.site import sample_rows, snippets
from app.core.site.sample_rows import PageSamples
from app.core.site.samples import Sample, ValueKind

PAGES_SHOWN = 50
PROPERTIES = ("phone_number", "sms_optin", "gdpr_optin")
_BOTH = "both"


class Check(StrEnum):
    """In the order in which they are shown."""

    ORIGIN = "origin"
    OBJECT = "object"
    SOURCE = "source"
    PROPERTIES = "properties"
    TYPES = "types"
    NUMBER = "number"
    FILLED = "filled"
    USER_ID = "user_id"
    SIGNED = "signed"


class Outcome(StrEnum):
    """``DOUBTFUL``: it may be a mistake, which only the website's developer can know."""

    RIGHT = "right"
    WRONG = "wrong"
    DOUBTFUL = "doubtful"
    NOT_SEEN = "not_seen"


@dataclass(frozen=True)
class Result:
    """One line of the checklist. ``codes`` say what is wrong or doubtful: ``sms_optin:not_a_boolean``."""

    check: Check
    outcome: Outcome
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PageResult:
    """A page with its checklist."""

    page: PageSamples
    results: tuple[Result, ...]

    @property
    def place(self) -> tuple[bool, str, float, str]:
        """Where it is listed: websites that are not allowed at the end, and of each website the latest page first."""
        is_other = self.results[0].outcome == Outcome.WRONG
        return is_other, self.page.origin, -self.page.last_seen_at.timestamp(), self.page.path

    @property
    def wrong(self) -> int:
        return sum(result.outcome == Outcome.WRONG for result in self.results)

    @property
    def is_right(self) -> bool:
        """Whether its object was seen and nothing is wrong."""
        return not self.wrong and Result(Check.OBJECT, Outcome.RIGHT) in self.results

    @property
    def key(self) -> str:
        """Where a list goes on after this page."""
        is_other, origin, seen, path = self.place
        return f"{int(is_other)} {seen} {origin} {path}"


@dataclass(frozen=True)
class OriginResult:
    """All pages of a website. ``wrong``: how many of them have something wrong."""

    origin: str
    is_allowed: bool
    pages: int
    wrong: int


@dataclass(frozen=True)
class Chosen:
    """Which pages to list.

    :param after: the key of the last page of the list before; empty: from the beginning
    :param own_origin: of Assent itself, whose pages are always allowed
    """

    origin: str = ""
    only_wrong: bool = False
    after: str = ""
    own_origin: str = ""


@dataclass(frozen=True)
class Overview:
    """The chosen pages, in their places, and numbers of all pages.

    ``older``: the key to go on with; empty: there are no more.
    """

    pages: list[PageResult]
    older: str
    origins: list[OriginResult]
    total: int
    right: int
    wrong: int


_OF_TYPES = frozenset({"not_a_boolean", "not_a_string", "empty", "too_long", "not_an_email"})
_DOUBTFUL = frozenset({"uuid:unknown", "phone_number:country_not_allowed"})


def check(page: PageSamples, *, is_allowed: bool) -> list[Result]:
    """The checklist of one page.

    :param is_allowed: whether the workspace or a form allows the origin
    """
    origin = Result(Check.ORIGIN, Outcome.RIGHT) if is_allowed else _wrong(Check.ORIGIN, ["origin:origin_not_allowed"])
    return [origin, *(rule(page) for rule in _RULES)]


def overview(session: Session, chosen: Chosen) -> Overview:
    """The checklists of the chosen pages, at most 50, and how many pages are right or wrong in all."""
    allowed = snippets.allowed_origins(session) | {chosen.own_origin}
    found = [
        PageResult(page, tuple(check(page, is_allowed=page.origin in allowed))) for page in sample_rows.find(session)
    ]
    found.sort(key=lambda each: each.place)
    of_origin = [each for each in found if chosen.origin in ("", each.page.origin)]
    listed = _after([each for each in of_origin if each.wrong or not chosen.only_wrong], chosen.after)
    return Overview(
        pages=listed[:PAGES_SHOWN],
        older=listed[PAGES_SHOWN - 1].key if len(listed) > PAGES_SHOWN else "",
        origins=_origins(found, allowed),
        total=len(found),
        right=sum(each.is_right for each in found),
        wrong=sum(each.wrong > 0 for each in found),
    )


def _object(page: PageSamples) -> Result:
    if not page.samples:
        return Result(Check.OBJECT, Outcome.NOT_SEEN)
    if "user:not_an_object" in _codes(page):
        return _wrong(Check.OBJECT, ["user:not_an_object"])
    return Result(Check.OBJECT, Outcome.RIGHT) if _with_object(page) else _wrong(Check.OBJECT, ["user:no_object"])


def _source(page: PageSamples) -> Result:
    sources = {sample.source for sample in _with_object(page)}
    if _BOTH in sources or "user:both_sources" in _codes(page):
        return _wrong(Check.SOURCE, ["user:both_sources"])
    return Result(Check.SOURCE, Outcome.RIGHT if sources else Outcome.NOT_SEEN)


def _properties(page: PageSamples) -> Result:
    """A person who is known, by sign-in or number, has all three. Of others only known values are sent."""
    known = [sample for sample in _with_object(page) if sample.is_signed_in or _kind(sample, "phone_number")]
    missing = {f"{name}:missing" for sample in known for name in PROPERTIES if not _kind(sample, name)}
    if missing:
        return _wrong(Check.PROPERTIES, missing)
    return Result(Check.PROPERTIES, Outcome.RIGHT if known else Outcome.NOT_SEEN)


def _types(page: PageSamples) -> Result:
    wrong = [code for code in _codes(page) if code.partition(":")[2] in _OF_TYPES]
    return _of_codes(Check.TYPES, wrong, is_seen=any(_is_given(page, name) for name in (*PROPERTIES, "uuid")))


def _number(page: PageSamples) -> Result:
    found = [code for code in _codes(page) if code.startswith("phone_number:") and not _is_type(code)]
    return _of_codes(Check.NUMBER, found, is_seen=_is_given(page, "phone_number"))


def _filled(page: PageSamples) -> Result:
    is_empty = page.signed_in is not None and not page.signed_in.source
    if is_empty or "user:missing_when_signed_in" in _codes(page):
        return _wrong(Check.FILLED, ["user:missing_when_signed_in"])
    return Result(Check.FILLED, Outcome.RIGHT if page.signed_in else Outcome.NOT_SEEN)


def _user_id(page: PageSamples) -> Result:
    found = [code for code in _codes(page) if code.startswith("uuid:") and not _is_type(code)]
    if any(_is_other_id(sample) for sample in page.samples):
        found.append("uuid:mismatch")
    return _of_codes(Check.USER_ID, found, is_seen=_is_given(page, "uuid"))


def _signed(page: PageSamples) -> Result:
    wrong = {f"identity:{sample.identity}" for sample in page.samples if _is_badly_signed(sample)}
    return _of_codes(Check.SIGNED, wrong, is_seen=page.signed_in is not None)


_RULES: tuple[Callable[[PageSamples], Result], ...] = (
    _object, _source, _properties, _types, _number, _filled, _user_id, _signed,
)  # fmt: skip


def _of_codes(name: Check, codes: Iterable[str], *, is_seen: bool) -> Result:
    found = sorted(set(codes))
    if not found:
        return Result(name, Outcome.RIGHT if is_seen else Outcome.NOT_SEEN)
    is_doubtful = _DOUBTFUL.issuperset(found)
    return Result(name, Outcome.DOUBTFUL if is_doubtful else Outcome.WRONG, tuple(found))


def _wrong(name: Check, codes: Iterable[str]) -> Result:
    return Result(name, Outcome.WRONG, tuple(sorted(codes)))


def _with_object(page: PageSamples) -> list[Sample]:
    return [sample for sample in page.samples if sample.source]


def _codes(page: PageSamples) -> list[str]:
    return [code for sample in page.samples for code in sample.problems]


def _kind(sample: Sample, name: str) -> ValueKind | None:
    """How a property was given; null when it was not."""
    kind: ValueKind = getattr(sample, name)
    return None if kind == ValueKind.ABSENT else kind


def _is_given(page: PageSamples, name: str) -> bool:
    return any(_kind(sample, name) for sample in page.samples)


def _is_type(code: str) -> bool:
    return code.partition(":")[2] in _OF_TYPES


def _is_other_id(sample: Sample) -> bool:
    return sample.identity == "user_id_mismatch" or "identity:user_id_mismatch" in sample.problems


def _is_badly_signed(sample: Sample) -> bool:
    """Whether a signature is not valid. A visitor who is not signed in needs none."""
    if sample.identity in {"signed", "user_id_mismatch"}:
        return False
    return sample.is_signed_in or sample.identity != "unsigned"


def _after(pages: list[PageResult], key: str) -> list[PageResult]:
    """The pages behind a key, which was read at an earlier time. A key that cannot be read is ignored."""
    try:
        is_other, seen, origin, path = key.split(" ", 3)
        place = is_other == "1", origin, float(seen), path
    except ValueError:
        return pages
    return [each for each in pages if each.place > place]


def _origins(found: list[PageResult], allowed: set[str]) -> list[OriginResult]:
    by_origin: dict[str, list[PageResult]] = {}
    for each in found:
        by_origin.setdefault(each.page.origin, []).append(each)
    return [
        OriginResult(origin, origin in allowed, len(pages), sum(each.wrong > 0 for each in pages))
        for origin, pages in by_origin.items()
    ]
