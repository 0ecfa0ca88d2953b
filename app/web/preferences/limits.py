"""Rate limits of what a link does, other than leaving: as for answers of forms, by IP address and by link."""

from flask import Response, request

from app.core import clock, rate_limits
from app.core.preferences import links
from app.core.signing import keys_of
from app.core.submissions.submit import WINDOW_S
from app.core.workspace import settings
from app.web.preferences import errors
from app.web.security import client_address
from app.web.services import unit_of_work


def too_many(token: str) -> Response | None:
    """Count this request. Returns a page that says when to try again, where there were too many; else null.

    :raises NotFound: there is no such link
    """
    with unit_of_work() as session:
        links.find(session, token)
        keys, workspace = keys_of(session), settings.get(session)
        counted = {keys.bucket("preferences", token): workspace.submissions_per_number}
        if address := client_address(request):
            counted[keys.bucket("address", rate_limits.address_bucket(address))] = workspace.submissions_per_address
        wait_s = rate_limits.hit(session, counted, window_s=WINDOW_S, at=clock.now())
    return errors.too_many(token, wait_s) if wait_s else None
