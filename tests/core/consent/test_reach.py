import itertools

from sqlalchemy import select

from app.core.consent.reach import IS_WITHIN_REACH, is_out_of_reach
from app.db import Database
from app.models import Contact
from tests import make


def test_python_and_sql_agree_on_who_is_out_of_reach(database: Database) -> None:
    with database.unit_of_work() as session:
        expected = {}
        for archived_at, blocked_at, gdpr_optin in itertools.product(
            (None, make.NOON), (None, make.NOON), (None, True, False)
        ):
            contact = make.contact(session)
            contact.archived_at, contact.blocked_at, contact.gdpr_optin = archived_at, blocked_at, gdpr_optin
            expected[contact.id] = not (archived_at or blocked_at or gdpr_optin is False)
        session.flush()
        contacts = session.scalars(select(Contact)).all()
        assert {each.id: not is_out_of_reach(each) for each in contacts} == expected
        in_sql = set(session.scalars(select(Contact.id).where(IS_WITHIN_REACH)))
        assert in_sql == {contact_id for contact_id, is_within in expected.items() if is_within}
