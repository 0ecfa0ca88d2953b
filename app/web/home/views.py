"""The start page, the logo, and the shop of the demo."""

from flask import Blueprint, Response, abort, current_app, jsonify, render_template, request
from sqlalchemy.orm import Session

from app.core import public_urls
from app.core.forms import publishing
from app.core.ledger import signing_keys
from app.core.site import checklist
from app.core.workspace import settings
from app.models import Channel, OptInForm
from app.web.services import read_only
from app.web.sign_in.setup import current_agent

blueprint = Blueprint("home", __name__)
_FOREVER = "public, max-age=31536000, immutable"


@blueprint.get("/")
def index() -> str:
    """The start page: in the demo the shop and the accounts to sign in with, for an admin the first steps."""
    agent = current_agent()
    with read_only() as session:
        workspace = settings.get(session)
        is_new = agent is not None and agent.is_admin and not workspace.is_demo
        steps = checklist.read(session) if is_new else None
    return render_template("home/index.html", workspace=workspace, checklist=steps)


@blueprint.get("/shop")
def shop() -> str:
    """The page of an imaginary shop that embeds a form and the messenger. Only in the demo."""
    with read_only() as session:
        workspace = settings.get(session)
        if not workspace.is_demo:
            abort(404)
        form = _shop_form(session)
        return render_template(
            "home/shop.html",
            form=form,
            form_url=public_urls.public_form(form.key) if form else "",
            workspace=workspace,
            embed_script=public_urls.EMBED_SCRIPT,
            messenger_script=public_urls.MESSENGER_SCRIPT,
            site_script=public_urls.SITE_SCRIPT,
        )


@blueprint.get("/logo")
def logo() -> Response:
    """The logo. With its hash in ``?v=`` browsers may cache it permanently."""
    with read_only() as session:
        workspace = settings.get(session)
        if workspace.logo is None or workspace.logo_type is None:
            abort(404)
        response = Response(workspace.logo, mimetype=workspace.logo_type)
    is_versioned = request.args.get("v") == workspace.logo_hash
    response.headers["Cache-Control"] = _FOREVER if is_versioned else "public, max-age=300"
    return response


@blueprint.get("/ledger/keys.json")
def ledger_keys() -> Response:
    """The public keys that seals and receipts are verified with, as a JWK set (RFC 7517)."""
    with read_only() as session:
        found = [signing_keys.jwk(each) for each in signing_keys.all_keys(session)]
    response = jsonify(keys=found)
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@blueprint.get("/favicon.ico")
@blueprint.get("/apple-touch-icon.png")
@blueprint.get("/apple-touch-icon-precomposed.png")
def icon() -> Response:
    """The icons that browsers ask for by these names, whatever a page says."""
    name = "favicon.ico" if request.path.endswith(".ico") else "apple-touch-icon.png"
    response = current_app.send_static_file(f"img/{name}")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


def _shop_form(session: Session) -> OptInForm | None:
    """The oldest form in use that asks for a mobile number."""
    offered = [each.form for each in publishing.find_offered(session) if each.subscription_type.channel == Channel.SMS]
    return offered[-1] if offered else None
