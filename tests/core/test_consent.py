from app.core import consent, eligibility
from app.db import Database
from app.models import ConsentState
from tests import make


def test_a_yes_is_recorded_once_with_its_number(database: Database) -> None:
    with database.unit_of_work() as session:
        kind, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        first, second = make.opt_in(session, sam, kind), make.opt_in(session, sam, kind)
        held = consent.held(session, sam.id, kind.id)
        assert (first.is_new, second.is_new, second.event_id) == (True, False, first.event_id)
        assert held and (held.state, held.destination) == (ConsentState.OPTED_IN, make.SAMS_NUMBER)
        assert eligibility.standing(session, sam, kind).is_reachable
