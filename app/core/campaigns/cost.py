"""What a campaign costs: segments times the price of one segment in each country. Prices are data.

Without a price for a country nothing is assumed: the estimate says for how many recipients it is unknown. The
workspace's own prices come first, then those of ``prices.toml`` where its currency is the same.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from sqlalchemy.orm import Session

from app.core.campaigns import audience_sql, rendering
from app.core.workspace import settings
from app.models import Campaign, Workspace

SAMPLE_SIZE = 50


@dataclass(frozen=True)
class Prices:
    """Prices of one segment by country, in millionths of the currency."""

    currency: str
    by_country: Mapping[str, int]

    def of(self, country: str | None) -> int:
        """The price of one segment; 0 where it is unknown."""
        return self.by_country.get(country or "", 0)


@dataclass(frozen=True)
class CountryCost:
    country: str | None
    recipients: int
    price_micros: int | None
    cost_micros: int | None


@dataclass(frozen=True)
class Estimate:
    """:param segments: of one text, on average over a sample of recipients, and ``segments_max`` of the longest
    :param cost_micros: of the recipients whose country has a price, in millionths of the currency
    :param without_price: recipients in countries without a price, who are not part of ``cost_micros``
    """

    recipients: int
    segments: float
    segments_max: int
    currency: str
    cost_micros: int
    without_price: int
    by_country: tuple[CountryCost, ...]

    @property
    def is_known(self) -> bool:
        """Whether any of the countries has a price."""
        return self.without_price < self.recipients


def estimate(session: Session, campaign: Campaign, *, base: str, one_way: bool = False) -> Estimate:
    """What the campaign would cost if it was sent to its audience as it is now. Writes nothing.

    :param base: the address of this server, for the links in the texts; ``one_way`` as of ``rendering.previews``
    :raises InvalidInput: the filter or the text cannot be read
    """
    scope = audience_sql.scope_of(session, campaign.subscription_type_id, campaign.query)
    recipients = audience_sql.eligible_by_country(session, scope)
    sizes = rendering.sample_sizes(session, campaign, scope, base=base, limit=SAMPLE_SIZE, one_way=one_way)
    average = sum(sizes) / len(sizes)
    prices = prices_of(settings.get(session))
    by_country = tuple(
        _country(country, number, prices.by_country.get(country or ""), average)
        for country, number in sorted(recipients.items(), key=lambda item: -item[1])
    )
    return Estimate(
        recipients=sum(recipients.values()),
        segments=average,
        segments_max=max(sizes),
        currency=prices.currency,
        cost_micros=sum(each.cost_micros or 0 for each in by_country),
        without_price=sum(each.recipients for each in by_country if each.price_micros is None),
        by_country=by_country,
    )


def prices_of(workspace: Workspace) -> Prices:
    """The prices that apply: the workspace's own, over the default ones in its currency."""
    listed = defaults()
    known = listed.by_country if listed.currency == workspace.currency else {}
    own = {country: int(price) for country, price in workspace.text_prices.items()}
    return Prices(workspace.currency, {**known, **own})


@lru_cache
def defaults() -> Prices:
    """The prices of ``prices.toml``."""
    raw: dict[str, Any] = tomllib.loads(files(__package__).joinpath("prices.toml").read_text("utf-8"))
    return Prices(raw["currency"], {country: int(price) for country, price in raw["segment_micros"].items()})


def _country(country: str | None, recipients: int, price: int | None, segments: float) -> CountryCost:
    total = None if price is None else round(recipients * segments * price)
    return CountryCost(country, recipients, price, total)
