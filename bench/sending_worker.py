"""A worker that sends texts to a file, for runs in which it is killed.

Each line is a number, written by one call of the operating system before the gateway answers.
"""

import os
import threading
import time

from app import config, logs
from app.core.workspace import bootstrap
from app.gateways.base import Accepted, Outgoing, SendResult
from app.jobs.send_sms import Sender
from app.jobs.sms_calls import Options
from tests.fake_gateway import FakeGateway

FILE = "SENT_TEXTS_FILE"
ANSWERS_AFTER_S = 0.005


class FileGateway(FakeGateway):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def send(self, text: Outgoing) -> SendResult:
        os.write(self._file, f"{text.to}\n".encode())
        time.sleep(ANSWERS_AFTER_S)
        return SendResult(Accepted.YES, gateway_id=f"file-{text.message_id}")


def main() -> None:
    logs.configure()
    database = bootstrap.open_database(config.load(), connections=4)
    options = Options(batch=20, threads=4, every_s=0.05)
    Sender(database, FileGateway(os.environ[FILE]), str, options=options).run(threading.Event())
