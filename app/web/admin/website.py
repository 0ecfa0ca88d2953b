"""The website: its snippet, and the integration check, which follows a person who clicks through their site."""

import hashlib
from typing import Any

from flask import after_this_request, render_template, request
from sqlalchemy.orm import Session

from app.core import clock, public_urls
from app.core.site import check_words, counts, integration_check
from app.core.site.integration_check import Chosen, PageResult
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.models import SiteCountKind, TypeState
from app.web.admin.blueprint import blueprint
from app.web.admin.website_words import words_for
from app.web.after_response import write_site_reports
from app.web.security import public_url
from app.web.services import read_only
from app.web.sign_in.setup import admin_required


@blueprint.get("/admin/website")
@admin_required
def website_page() -> str:
    after_this_request(write_site_reports)
    with read_only() as session:
        workspace = settings.get(session)
        type_id = workspace.site_subscription_type_id
        offered = subscription_types.find(session, type_id) if type_id is not None else None
        return render_template(
            "admin/website.html",
            **_check(session),
            snippets=_snippets(workspace.messenger_key),
            offered=offered,
            is_offered=offered is not None and offered.state == TypeState.LIVE,
            refused=counts.recent(session, SiteCountKind.REFUSED, at=clock.now()),
        )


@blueprint.get("/admin/website/live")
@admin_required
def website_live() -> str:
    """The part of the page that changes. It is asked for every two seconds, and has this process write what waits."""
    after_this_request(write_site_reports)
    with read_only() as session:
        return render_template("admin/_website_check.html", **_check(session))


def _snippets(key: str) -> dict[str, str]:
    """What the page offers to copy."""
    script = f"{public_url()}{public_urls.SITE_SCRIPT}"
    return {
        "usual": f'<script src="{script}" data-key="{key}" async></script>',
        "tag_manager": f'<script src="{script}?key={key}" async></script>',
        "waiting": f'<script src="{script}" data-key="{key}" data-wait async></script>',
        "command": "assent site check https://shop.example.com/",
    }


def _check(session: Session) -> dict[str, Any]:
    chosen = Chosen(
        origin=request.args.get("origin", ""),
        only_wrong=request.args.get("only") == "wrong",
        after=request.args.get("after", ""),
        own_origin=public_url(),
    )
    return {
        "chosen": chosen,
        "overview": integration_check.overview(session, chosen),
        "anchor": _anchor,
        "checks": check_words.CHECKS,
        "unseen": check_words.UNSEEN,
        "words_for": words_for,
        "corrected": check_words.corrected,
        "time_zone": settings.get(session).time_zone,
    }


def _anchor(each: PageResult) -> str:
    """The id of a page's element."""
    return "page-" + hashlib.sha256(f"{each.page.origin} {each.page.path}".encode()).hexdigest()[:12]
