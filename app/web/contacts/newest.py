"""The newest opt-ins, each with its proof one step away."""

from flask import render_template, request

from app.core import phone
from app.core.contacts import records as contacts
from app.core.ledger import events as ledger
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.models import Action
from app.web import ids
from app.web.contacts import labels
from app.web.contacts.blueprint import blueprint
from app.web.services import read_only
from app.web.sign_in.setup import agent_required

PAGE_SIZE = 50


@blueprint.get("/contacts/opt-ins")
@agent_required
def newest() -> str:
    before = request.args.get("before", type=ids.whole_number)
    with read_only() as session:
        lines = ledger.newest(session, action=Action.OPT_IN, limit=PAGE_SIZE + 1, before_id=before)
        return render_template(
            "contacts/newest.html",
            lines=lines[:PAGE_SIZE],
            next_before=lines[PAGE_SIZE - 1].event.id if len(lines) > PAGE_SIZE else None,
            is_first=before is None,
            contacts=contacts.find_by_ids(session, (each for line in lines if (each := line.event.contact_id))),
            types={each.id: each for each in subscription_types.find_all(session)},
            time_zone=settings.get(session).time_zone,
            levels=labels.LEVELS,
            formatted=phone.formatted,
        )
