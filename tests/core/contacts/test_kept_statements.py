"""The statement that is kept for a page is the one that would be built now."""

from app.core.contacts import filters, kept_statements, search
from app.core.contacts.search_walks import Order
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.db import Database
from tests import make


def test_a_kept_statement_follows_the_state_of_the_type_and_the_allowed_countries(database: Database) -> None:
    kept_statements._page.cache_clear()
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        query = filters.read({"field": f"subscription_types.{offers.id}", "operator": "=", "value": "reachable"})

        def found() -> list[int]:
            return search.window(session, query, Order(), limit=5).ids

        assert found() == found() == [sam.id]
        assert kept_statements._page.cache_info().hits == 1
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


def test_one_statement_finds_and_counts_the_numbers_with_any_beginning(database: Database) -> None:
    kept_statements._page.cache_clear()
    with database.unit_of_work() as session:
        people = [make.contact(session, phone_number=f"+120255501{number:02}").id for number in range(8, 13)]

        def found(beginning: str) -> tuple[list[int], int]:
            query = filters.read({"field": "phone", "operator": "^", "value": beginning})
            page = search.page(session, query, search.Place(2))
            assert page.total == search.count(session, query)
            return page.ids, page.total

        assert found("+1 202 555-010") == (people[:2], 2)
        assert found("+120255501") == (people[:2], 5)
        assert found("+1202555011") == (people[2:4], 3)
        assert found("+1202555019") == ([], 0)
        assert kept_statements._page.cache_info().misses == 1
        assert found("+12~") == ([], 0)
