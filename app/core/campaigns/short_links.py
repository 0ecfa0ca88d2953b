"""Short links: addresses in a campaign's text, replaced by ours, so that clicks can be counted.

One link of a campaign is one row for all recipients: who clicked is not recorded. Carriers filter public shorteners, so
they are on our own domain. Opening one changes nothing but the count.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.core import public_urls
from app.db import run
from app.models import Campaign, ShortLink

TOKEN_BYTES = 9  # 72 random bits, 12 characters
_TOKEN = re.compile(r"[A-Za-z0-9_-]{12}")
# An address without a variable in it, without the punctuation that ends a sentence.
_ADDRESS = re.compile(r"https?://[^\s{}<>\"]+[^\s{}<>\".,;:!?)\]'](?![^\s]*\{)", re.IGNORECASE)


def addresses_in(body: str) -> list[str]:
    """The addresses in a text that get a short link, each once. One with a variable in it is left as it is."""
    return list(dict.fromkeys(found[0] for found in _ADDRESS.finditer(body)))


def create(session: Session, campaign: Campaign, *, at: datetime) -> None:
    """Create the short links of a campaign, where they are missing."""
    existing = of_campaign(session, campaign.id)
    for url in addresses_in(campaign.body):
        if url not in existing:
            token = secrets.token_urlsafe(TOKEN_BYTES)
            session.add(ShortLink(token=token, url=url, campaign_id=campaign.id, clicks=0, created_at=at))
    session.flush()


def of_campaign(session: Session, campaign_id: int) -> dict[str, str]:
    """The tokens of a campaign's links, by address."""
    query = select(ShortLink.url, ShortLink.token).where(ShortLink.campaign_id == campaign_id)
    return {row.url: row.token for row in run(session, query)}


def clicks(session: Session, campaign_id: int) -> list[tuple[str, int]]:
    """The addresses of a campaign, each with how often its link was opened, the most first."""
    query = select(ShortLink.url, ShortLink.clicks).where(ShortLink.campaign_id == campaign_id)
    return [(row.url, row.clicks) for row in run(session, query.order_by(ShortLink.clicks.desc(), ShortLink.url))]


def total_clicks(session: Session, campaign_id: int) -> int:
    """How often the links of a campaign were opened. By how many people is not known: a link is the same for all."""
    total = select(func.coalesce(func.sum(ShortLink.clicks), 0)).where(ShortLink.campaign_id == campaign_id)
    return int(run(session, total).scalar_one())


def find(session: Session, token: str) -> str | None:
    """The address that a link leads to; null when there is no such link."""
    if not _TOKEN.fullmatch(token):
        return None
    return run(session, select(ShortLink.url).where(ShortLink.token == token)).scalar()


def add_clicks(session: Session, counted: Mapping[str, int]) -> None:
    """Add clicks by token."""
    for token, number in sorted(counted.items()):
        run(session, update(ShortLink).where(ShortLink.token == token).values(clicks=ShortLink.clicks + number))


def shorten(body: str, tokens: Mapping[str, str], *, base: str) -> str:
    """The text with its addresses replaced.

    :param tokens: by address; one without a token stays
    """

    def replaced(found: re.Match[str]) -> str:
        token = tokens.get(found[0])
        return public_urls.short_link(token, base=base) if token else found[0]

    return _ADDRESS.sub(replaced, body)
