"""The first steps of a new workspace are ticked when they are really done."""

from app.core.accounts import agents
from app.core.site import checklist, snippets
from app.core.site.checklist import Step
from app.core.workspace import settings
from app.db import Database
from app.models import Role, Workspace
from tests import make

SHOP = "https://shop.example.com"


def done(database: Database) -> set[Step]:
    with database.read_only() as session:
        return {step for step, is_done in checklist.read(session).done.items() if is_done}


def test_each_step_is_ticked_by_what_it_names(database: Database) -> None:
    with database.read_only() as session:
        first = checklist.read(session)
    assert (first.done_count, first.next_step) == (0, Step.NAME_AND_COUNTRY)
    assert list(first.done) == list(Step)
    with database.unit_of_work() as session:
        changed = {"name": "Harbour Coffee", "default_country": "GB"}
        workspace: Workspace = settings.change(session, changed, actor="agent:1", at=make.NOON)
        key = workspace.messenger_key
        offers = make.live_type(session)
    assert done(database) == {Step.NAME_AND_COUNTRY, Step.TYPE_LIVE}
    with database.unit_of_work() as session:
        form = make.form(session)
        for script, of in (("embed", form.key), ("messenger", key)):
            assert snippets.is_news(session, script, of, SHOP, at=make.NOON)
            snippets.record(session, script, SHOP, at=make.NOON)
    assert done(database) == {Step.NAME_AND_COUNTRY, Step.TYPE_LIVE, Step.FORM}, "the origin is not allowed yet"
    with database.unit_of_work() as session:
        snippets.allow(session, SHOP, actor="agent:1", at=make.NOON)
    assert set(Step) - done(database) == {Step.FIRST_CONSENT, Step.TEAM_INVITED}
    with database.unit_of_work() as session:
        make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER), session.merge(offers))
    with database.unit_of_work() as session:
        max_ = make.agent(session)
    assert set(Step) - done(database) == {Step.TEAM_INVITED}, "an admin alone is no team"
    with database.unit_of_work() as session:
        invited = agents.invite(
            session, email="ana@example.com", name="", role=Role.AGENT, actor="agent:1", at=make.NOON
        )
    with database.read_only() as session:
        assert checklist.read(session).next_step is None
    with database.unit_of_work() as session:
        agents.disable(session, invited.id, actor=f"agent:{max_.id}", at=make.NOON)
    assert set(Step) - done(database) == {Step.TEAM_INVITED}
