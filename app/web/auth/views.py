"""Pages about the account of the agent who is signed in. Flask-Security has the sign-in pages themselves."""

import re

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.web.sign_in.datastore import SignIn
from app.web.sign_in.setup import agent_required, current_agent

blueprint = Blueprint("auth", __name__)
_CODE = re.compile(r"[0-9a-f]{4}(-[0-9a-f]{4}){2}")


@blueprint.get("/start")
@agent_required
def start() -> ResponseReturnValue:
    """Redirect to the first page after signing in."""
    return redirect(url_for("admin.forms_page" if _signed_in_agent().is_admin else "inbox.list_page"))


@blueprint.get("/account")
@agent_required
def account() -> ResponseReturnValue:
    agent = _signed_in_agent()
    return render_template("auth/account.html", agent=agent, codes_left=len(agent.mf_recovery_codes or []))


@blueprint.post("/account/recovery-codes.txt")
@agent_required
def recovery_codes_file() -> ResponseReturnValue:
    """The recovery codes as a file. The page sends them, because only their hashes are stored."""
    codes = request.form.getlist("code")
    if not 0 < len(codes) <= 20 or not all(_CODE.fullmatch(code) for code in codes):
        abort(400)
    text = render_template("auth/recovery_codes.txt", agent=_signed_in_agent(), codes=codes)
    response = Response(text, mimetype="text/plain")
    response.headers["Content-Disposition"] = 'attachment; filename="assent-recovery-codes.txt"'
    return response


def _signed_in_agent() -> SignIn:
    agent = current_agent()
    assert agent is not None  # noqa: S101 - agent_required ensures it
    return agent
