"""``POST /site/collect``: what a page says about its visitor.

The response never depends on what is stored about people: it repeats what the page sent. Pages of every site may read
it. No cookie is sent or set.
"""

from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from app.core import clock, origins, rate_limits
from app.core.errors import Forbidden, NotFound, TooMany
from app.core.ledger.evidence import Evidence
from app.core.site import claims, page_call, repeats
from app.core.site.claim import Claim
from app.core.site.claimed import Recorded
from app.core.site.page_call import Judged, PageCall
from app.core.site.policy import SitePolicy
from app.models import EvidenceLevel, SiteCountKind, Source
from app.web.security import client_address, public_url
from app.web.services import database, known_claims, read_only, site_reports, unit_of_work

NOT_ALLOWED = "origin:origin_not_allowed"
blueprint = Blueprint("collect", __name__)
_PREFLIGHT = {"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "Content-Type"}
_PREFLIGHT |= {"Access-Control-Max-Age": "86400"}


@blueprint.post("/collect")
def collect() -> ResponseReturnValue:
    """Record the claim of a page. The body is JSON of any content type, so that browsers ask no permission first."""
    at, known = clock.now(), known_claims()
    _refuse_too_many(known.seconds_to_wait(rate_limits.address_bucket(client_address(request) or ""), at=at))
    call = page_call.read(request.get_data())
    policy = known.policy(database(), at=at)
    _refuse_unknown_key(call, policy)
    judged = page_call.judge(call, policy, at=at)
    _refuse_unknown_origin(judged, policy)
    claim = judged.claim(_evidence())
    recorded = known.find(claim, policy.version, at=at) if claim.asks_the_database else Recorded()
    if recorded is None:
        recorded = _recorded(claim, at)
        known.keep(claim, policy.version, recorded, at=at)
    _report(judged, recorded.doubts)
    refused = [asdict(each) for each in judged.all_refused]
    return jsonify(accepted=judged.user.given, refused=refused), HTTPStatus.ACCEPTED


def _recorded(claim: Claim, at: datetime) -> Recorded:
    """Record a claim that this process does not know, unless another one did."""
    with read_only() as session:
        recorded = repeats.find(session, claim, at=at)
    if recorded is None:
        with unit_of_work() as session:
            recorded = claims.record(session, claim, at=at)
    _refuse_too_many(recorded.retry_after_s)
    return recorded


@blueprint.route("/collect", methods=["OPTIONS"])
def preflight() -> ResponseReturnValue:
    """Pages that send ``application/json`` ask first."""
    return "", HTTPStatus.NO_CONTENT, _PREFLIGHT


@blueprint.after_request
def let_pages_read(response: Response) -> Response:
    """Every page may read the response, the reason of a refusal included."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _refuse_unknown_key(call: PageCall, policy: SitePolicy) -> None:
    """:raises NotFound: the key is not the workspace's"""
    if call.key != policy.key:
        site_reports().count(SiteCountKind.IDENTITY, "unknown_key")
        raise NotFound("There is nothing here.")


def _refuse_unknown_origin(judged: Judged, policy: SitePolicy) -> None:
    """Refuse a page that the workspace does not allow; the integration check shows that.

    Browsers name the origin of every such call. A call without one comes from a program, which could name any.

    :raises Forbidden: ``origin_not_allowed``
    """
    if _origin() and _origin() not in policy.origins and _origin() != public_url():
        site_reports().count(SiteCountKind.REFUSED, NOT_ALLOWED)
        if origins.of(_origin()) == _origin():
            site_reports().add(judged.sample(_origin(), frozenset({NOT_ALLOWED})))
        raise Forbidden("This website may not send anything here.", code="origin_not_allowed")


def _refuse_too_many(wait_s: int | None) -> None:
    if wait_s is not None:
        raise TooMany("Too many requests. Please wait a moment.", retry_after_s=wait_s)


def _report(judged: Judged, doubts: frozenset[str]) -> None:
    """Remember what the integration check shows."""
    reports = site_reports()
    if _origin():
        reports.add(judged.sample(_origin(), doubts))
    for each in judged.refused:
        reports.count(SiteCountKind.REFUSED, f"{each.field}:{each.reason}")
    if judged.proof.problem:
        reports.count(SiteCountKind.IDENTITY, judged.proof.problem)


def _evidence() -> Evidence:
    return Evidence(
        Source.SITE,
        "contact",
        EvidenceLevel.WEB_UNVERIFIED,
        ip_address=client_address(request),
        user_agent=request.headers.get("User-Agent"),
        origin=_origin() or None,
    )


def _origin() -> str:
    return request.headers.get("Origin", "")
