"""Tags that are created, renamed and deleted at the same moment."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.contacts import tags
from app.core.errors import Conflict
from app.db import Database
from app.models import Tag
from tests import make
from tests.crossing import cross

BY = {"actor": "agent:1", "at": make.NOON}


@pytest.fixture
def tag_id(database: Database) -> int:
    with database.unit_of_work() as session:
        return tags.create(session, "VIP", **BY).id


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("is_renamed", [False, True], ids=["deleted", "renamed"])
def test_a_contact_gets_a_tag_that_is_deleted_or_renamed_at_this_moment(
    database: Database,
    tag_id: int,
    is_renamed: bool,  # noqa: FBT001
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session)
        contact_id, public_id = sam.id, sam.public_id

    def lock(session: Session) -> None:
        session.get_one(Tag, tag_id, with_for_update=True)

    def end(session: Session) -> None:
        if is_renamed:
            tags.rename(session, tag_id, "Gold", **BY)
        else:
            tags.delete(session, tag_id, **BY)

    def attach(session: Session) -> None:
        tags.attach(session, public_id, tags.create(session, "vip", **BY).id, **BY)

    cross(database, lock, attach, then=end)
    with database.read_only() as session:
        assert [each.name for each in tags.of_contact(session, contact_id)] == ["vip"]


@pytest.mark.databases("postgresql")
def test_of_two_tags_that_get_one_name_at_the_same_moment_the_second_is_refused(
    database: Database, tag_id: int
) -> None:
    with database.unit_of_work() as session:
        other_id = tags.create(session, "Gold", **BY).id
    with pytest.raises(Conflict):
        cross(
            database,
            lambda session: tags.rename(session, tag_id, "Silver", **BY),
            lambda session: tags.rename(session, other_id, "silver", **BY),
        )
    with database.read_only() as session:
        assert set(session.scalars(select(Tag.name))) == {"Silver", "Gold"}
