"""Numbers in the queries of lists."""

from sqlalchemy.orm import Session

from app.core import phone
from app.core.workspace import settings


def refuse_without_country(session: Session, typed: str) -> None:
    """Called where nothing was found by a number: an empty list would say that this number is not suppressed.

    :raises DestinationRefused: the country of the number is not known, so it was not searched at all
    """
    if phone.lacks_country(typed, region=settings.get(session).default_country):
        raise phone.refused("phone_country_code_missing")
