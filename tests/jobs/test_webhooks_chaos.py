"""All webhooks arrive in order and with one id each, though the receiver fails and workers are killed."""

from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.db import Database
from bench import webhooks


@pytest.mark.slow
def test_every_event_arrives_in_order_though_the_receiver_fails_and_workers_are_killed(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    size: dict[str, Any] = {"events": 300, "contacts": 30, "kills": 3, "worker": webhooks.QUICK_WORKER}
    seen = webhooks.storm(settings, database, log=tmp_path / "workers.log", **size)
    assert seen.missing == 0
    assert seen.out_of_order == []
    assert seen.ids_with_two_bodies == 0
    assert seen.failed_on_purpose > 20, "the receiver did fail"
    assert seen.killed == 3
    assert seen.invalid_signatures == 0
