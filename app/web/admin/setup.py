"""Getting started: the first steps, the websites that load the scripts, and a page of ours to try form and chat."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core import clock, public_urls
from app.core.errors import InvalidInput
from app.core.forms import publishing
from app.core.site import checklist, snippets
from app.core.workspace import settings
from app.web.admin.blueprint import blueprint
from app.web.i18n import gettext, sentence_of
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import admin_required, current_actor, marketer_required

# The pages, other than this one, from which an origin can be allowed.
_BACK = frozenset({"failures", "website"})


@blueprint.get("/admin/setup")
@admin_required
def setup_page() -> str:
    with read_only() as session:
        return render_template(
            "admin/setup.html",
            checklist=checklist.read(session),
            snippets=snippets.find(session),
            time_zone=settings.get(session).time_zone,
        )


@blueprint.post("/admin/setup/origins")
@admin_required
def allow_origin() -> ResponseReturnValue:
    """Allow an origin in the whole workspace."""
    origin = request.form.get("origin", "")
    try:
        with unit_of_work() as session:
            snippets.allow(session, origin, actor=current_actor(), at=clock.now())
    except InvalidInput as error:
        flash(sentence_of(error), "error")
    else:
        flash(gettext("%(origin)s may show your forms and your chat now.", origin=origin))
    back = request.form.get("back")
    return redirect(url_for(f"admin.{back if back in _BACK else 'setup'}_page"), 303)


@blueprint.get("/admin/try")
@marketer_required
def try_page() -> str:
    """A page that shows a form and the chat as a website would. Without ``?form=`` it shows the newest form."""
    with read_only() as session:
        offered = [each.form for each in publishing.find_offered(session)]
        chosen = next((each for each in offered if str(each.id) == request.args.get("form")), None)
        return render_template(
            "admin/try.html",
            forms=offered,
            form=chosen or (offered[0] if offered else None),
            messenger_key=settings.get(session).messenger_key,
            embed_script=public_urls.EMBED_SCRIPT,
            messenger_script=public_urls.MESSENGER_SCRIPT,
        )
