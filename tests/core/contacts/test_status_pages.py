"""Pages of contacts with one status: the statement that is kept is the one that would be built now."""

from app.core.contacts import filters, search, status_pages
from app.core.contacts.search_walks import Order
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.db import Database
from tests import make


def test_a_kept_statement_follows_the_state_of_the_type_and_the_allowed_countries(database: Database) -> None:
    status_pages._built.cache_clear()
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        query = filters.read({"field": f"subscription_types.{offers.id}", "operator": "=", "value": "reachable"})

        def found() -> list[int]:
            return search.window(session, query, Order(), limit=5).ids

        assert found() == found() == [sam.id]
        assert status_pages._built.cache_info().hits == 1
        settings.change(session, {"allowed_countries": ["DE"]}, actor="agent:1", at=make.NOON)
        assert found() == []
        settings.change(session, {"allowed_countries": []}, actor="agent:1", at=make.NOON)
        assert found() == [sam.id]
        subscription_types.archive(session, offers, actor="agent:1", at=make.NOON)
        session.flush()
        assert found() == []


def test_pages_of_one_status_go_on_behind_and_before_a_contact(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        people = [make.contact(session, phone_number=f"+1202555010{number}") for number in range(5)]
        for each in people:
            make.opt_in(session, each, offers)
        newest = [each.id for each in people[::-1]]
        query = filters.read({"field": f"subscription_types.{offers.id}", "operator": "=", "value": "opted_in"})
        first = search.window(session, query, Order(), limit=2)
        second = search.window(session, query, Order(), after=first.after, limit=2)
        back = search.window(session, query, Order(), before=second.before, limit=2)
    assert (first.ids, second.ids, back.ids) == (newest[:2], newest[2:4], newest[:2])
