"""The state of an inserted form: the rule in SQL is that in Python, in every case."""

from datetime import timedelta
from itertools import product

from sqlalchemy import select

from app.core.contacts import records
from app.core.forms import cards, publishing
from app.db import Database
from app.models import InsertedForm
from tests import make


def test_the_state_in_sql_is_that_of_the_card_in_every_case(database: Database) -> None:
    times = ("answered_at", "undone_at", "withdrawn_at", "confirming_at", "seen_at")
    with database.unit_of_work() as session:
        live = make.live_type(session)
        offered, archived = make.form(session, live), make.form(session, live)
        publishing.archive(session, archived, actor="agent:1", at=make.NOON)
        people = []
        for number, said in enumerate(product(("in", "out", ""), (False, True))):
            contact = make.contact(session, phone_number=f"+1202555010{number}")
            if said[0]:
                (make.opt_in if said[0] == "in" else make.opt_out)(session, contact, live)
            if said[1]:
                records.block(session, contact, at=make.NOON)
            people.append(contact)
        versions = {each.id: publishing.newest_version(session, each).id for each in (offered, archived)}
        rows = product(people, (offered, archived), (1, -1), *([(None, make.NOON)] * len(times)))
        for number, (contact, form, days, *values) in enumerate(rows):
            known = {"token": f"case{number}", "inserted_by": "agent:1", "created_at": make.NOON}
            known |= {"expires_at": make.NOON + timedelta(days=days), "contact_id": contact.id, "form_id": form.id}
            moments = dict(zip(times, values, strict=True))
            session.add(InsertedForm(**known, **moments, version_id=versions[form.id]))
        session.flush()
        table = InsertedForm.__table__.alias("chosen")
        source = cards.joined_to(table, table.c.id)
        found = session.execute(
            select(*cards.COLUMNS, cards.state_at(make.NOON).label("state")).select_from(source)
        ).all()
        differing = [row for row in found if cards.of_row(row, at=make.NOON).state != row.state]
        assert (len(found), differing) == (len(people) * 2 * 2 * 2 ** len(times), [])
        assert {row.state for row in found} == set(cards.CardState)
