"""The language of staff pages."""

from flask import request

from app.core import wording
from app.web.sign_in.setup import current_agent


def of_reader() -> str:
    """The language that the agent chose on the account page, else the first of the browser that we have.

    :returns: a key of ``wording.LOCALES``
    """
    agent = current_agent()
    return of(agent.locale if agent else None)


def of(chosen: str | None) -> str:
    """The language that was chosen, else the first of the browser that we have.

    :returns: a key of ``wording.LOCALES``
    """
    return wording.negotiate(chosen, request.headers.get("Accept-Language", ""))
