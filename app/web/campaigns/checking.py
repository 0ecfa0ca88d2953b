"""What the composer says about a text: its segments, the characters that cost more, and what sample people get."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.core import sms_text
from app.core.campaigns import audience, rendering
from app.core.campaigns.rendering import Preview
from app.core.contacts import records
from app.core.errors import AssentError
from app.core.sms_text import Encoding
from app.models import Campaign, Contact
from app.web import services
from app.web.i18n import sentence_of
from app.web.security import public_url

SAMPLES = 3


@dataclass(frozen=True)
class CostlyKind:
    """A character that makes the text more expensive.

    :param place: of the first one in the body, from 1; null: it is only in what is appended
    """

    character: str
    count: int
    place: int | None
    replacement: str | None
    is_letter: bool


@dataclass(frozen=True)
class Checked:
    """:param sample: the text for a person without any known value; null where the text cannot be read
    :param people: the texts of some people of the audience, with their contacts
    """

    problem: str = ""
    sample: Preview | None = None
    costly: tuple[CostlyKind, ...] = ()
    people: tuple[tuple[Contact, Preview], ...] = ()

    @property
    def limit(self) -> int:
        """Characters that as many segments have as the text needs."""
        if self.sample is None:
            return 0
        single, part = sms_text.LIMITS[Encoding(self.sample.packed.encoding)]
        return single if self.sample.packed.segments < 2 else part * self.sample.packed.segments

    @property
    def may_be_plain(self) -> bool:
        """Whether a typographic character can be replaced; ``may_lose_accents``: a letter."""
        return any(each.replacement is not None and not each.is_letter and each.place for each in self.costly)

    @property
    def may_lose_accents(self) -> bool:
        return any(each.is_letter and each.place for each in self.costly)


def check(session: Session, campaign: Campaign) -> Checked:
    """Check the text of a campaign, which need not be saved. Writes nothing."""
    if not campaign.body:
        return Checked()
    base, one_way = public_url(), is_one_way()
    try:
        with session.no_autoflush:
            sample = rendering.measure(session, campaign, base=base, one_way=one_way)
            found = _samples(session, campaign)
            previews = rendering.previews(session, campaign, [each.id for each in found], base=base, one_way=one_way)
    except AssentError as error:
        return Checked(problem=sentence_of(error))
    contacts = {each.id: each for each in found}
    return Checked(
        sample=sample,
        costly=_costly(campaign.body, sample.body),
        people=tuple((contacts[each.contact_id], each) for each in previews if each.contact_id),
    )


def is_one_way() -> bool:
    """Whether people cannot reply to our sender, so that every text names another way out."""
    return not services.gateway().capabilities.receives


def _samples(session: Session, campaign: Campaign) -> Sequence[Contact]:
    try:
        ids = audience.people(session, campaign.subscription_type_id, campaign.query, None, limit=SAMPLES)
    except AssentError:
        return []  # said beside the audience
    found = records.find_by_ids(session, ids)
    return [found[each] for each in ids if each in found]


def _costly(body: str, whole: str) -> tuple[CostlyKind, ...]:
    in_body: dict[str, CostlyKind] = {}
    for each in sms_text.costly_characters(body):
        known = in_body.get(each.character)
        count, place = (known.count + 1, known.place) if known else (1, each.index + 1)
        in_body[each.character] = CostlyKind(each.character, count, place, each.replacement, each.is_letter)
    appended = {
        each.character: CostlyKind(each.character, 1, None, each.replacement, each.is_letter)
        for each in sms_text.costly_characters(whole)
        if each.character not in in_body
    }
    return (*in_body.values(), *appended.values())
