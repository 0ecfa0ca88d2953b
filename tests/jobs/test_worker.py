"""The worker as a process."""

import time
from pathlib import Path

from sqlalchemy import update

from app import config
from app.core import phone
from app.core.workspace import bootstrap
from app.core.workspace import settings as workspace
from app.models import Contact, Workspace
from tests import make
from tests.processes import PATIENCE_S, environment_of, started


def test_the_worker_applies_new_number_rules_when_it_starts(settings: config.Settings, tmp_path: Path) -> None:
    database = bootstrap.open_database(settings)
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        session.execute(update(Contact).values(sms_block="phone_invalid"))
        session.execute(update(Workspace).values(number_rules="older"))
    log = tmp_path / "log"
    with started("worker", env=environment_of(settings), log=log) as process:
        deadline_s = time.monotonic() + PATIENCE_S
        rules: str | None = "older"
        while rules == "older":
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline_s, log.read_text()
            time.sleep(0.1)
            with database.read_only() as session:
                rules = workspace.get(session).number_rules
        process.terminate()
        process.wait(PATIENCE_S)
    with database.read_only() as session:
        assert rules == phone.rules_version()
        assert session.get_one(Contact, sam.id).sms_block is None
    database.close()
