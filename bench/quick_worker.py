"""The worker with short delays, for the suite.

The suite tests what happens to a delivery, not how long the worker waits before the next attempt.
"""

import threading
from datetime import timedelta

from app import config, http_client, logs
from app.core.webhooks.attempts import Schedule
from app.core.workspace import bootstrap
from app.http_client import Reach
from app.jobs import route_outbox
from app.jobs.deliver_webhooks import Sender

TIMEOUT_S = 1.0


def main() -> None:
    logs.configure()
    database = bootstrap.open_database(config.load(), connections=4)
    schedule = Schedule(delays_s=(0.05, 0.1, 0.2), first_pause_s=0.05, lease=timedelta(seconds=3))
    limits = http_client.Limits(1, TIMEOUT_S, 2000)
    sender = Sender(database, Reach.LOOPBACK_TOO, schedule=schedule, limits=limits)
    route_outbox.EVERY_S = 0.1
    stopping = threading.Event()
    threading.Thread(target=route_outbox.run, args=(database, stopping, sender.wake), daemon=True).start()
    sender.run(stopping)
