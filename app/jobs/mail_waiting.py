"""Mails agents about conversations that wait for an answer, every minute."""

import time
from datetime import datetime, timedelta

from babel.dates import format_timedelta

from app import logs, mail_client
from app.core import clock, public_urls, wording
from app.core.inbox import waiting
from app.core.inbox.waiting import DueMail
from app.core.problems import failures
from app.core.wording import DEFAULT_LOCALE
from app.db import Database
from app.mail_client import MailFailed, MailServer
from app.models import FailureKind

# A run starts no mail after this time: a mail server that is silent must not hold a worker. The next run goes on.
RUN_S = 30
RETRY_AFTER = timedelta(minutes=10)
LISTED_MAX = 50
_NAME_MAX = 80
_log = logs.get_logger()


def send_due(database: Database, server: MailServer | None, *, public_url: str) -> int:
    """Send one mail to each agent for whom conversations are due. Returns how many were sent.

    Each mail is claimed, sent outside any transaction, and recorded. A mail that fails is recorded as a failure and
    given back, and a run after ten minutes sends it. After a crash between claim and record, it is unknown whether the
    mail was sent, and it is not repeated.

    :param server: null: nothing is sent
    :param public_url: for the links; empty: nothing is sent
    """
    if server is None or not public_url:
        return 0
    ends_s = time.monotonic() + RUN_S
    at = clock.now()
    with database.read_only() as session:
        failed = failures.names_since(session, FailureKind.MAIL, at - RETRY_AFTER)
        due = [each for each in waiting.due_mails(session, at=at) if each.address not in failed]
    sent = 0
    for mail in due:
        if time.monotonic() >= ends_s:
            break
        with database.unit_of_work() as session:
            claimed = waiting.claim(session, mail, at=clock.now())
        if claimed is not None:
            sent += _send(database, server, claimed, public_url)
    return sent


def _send(database: Database, server: MailServer, mail: DueMail, public_url: str) -> bool:
    subject, body = text_of(mail, public_url=public_url, at=clock.now())
    try:
        mail_client.send(server, recipient=mail.address, subject=subject, body=body)
    except MailFailed as problem:
        _log.exception("a mail about waiting conversations could not be sent")
        with database.unit_of_work() as session:
            waiting.release(session, mail)
            failures.record(session, FailureKind.MAIL, mail.address, problem, at=clock.now())
        return False
    with database.unit_of_work() as session:
        waiting.record_sent(session, mail, at=clock.now())
    return True


def text_of(mail: DueMail, *, public_url: str, at: datetime) -> tuple[str, str]:
    """Subject and text of a mail, in the language of the agent.

    It has the contact's name, the time and the link of each conversation, and no words of a person: a mail leaves
    the installation.
    """
    locale = mail.locale or DEFAULT_LOCALE
    gettext = wording.translator(locale)
    count = len(mail.conversations)
    subject = gettext("A conversation is waiting for a reply")
    if count > 1:
        subject = gettext("Conversations waiting for a reply: %(count)s", count=count)
    lines = [subject, ""]
    for each in mail.conversations[:LISTED_MAX]:
        name = " ".join((each.contact_name or "").split())[:_NAME_MAX] or gettext("A visitor")
        duration = format_timedelta(at - each.since, granularity="minute", locale=locale)
        lines.append(gettext("%(name)s, for %(duration)s", name=name, duration=duration))
        lines += [public_urls.conversation(each.id, base=public_url), ""]
    if count > LISTED_MAX:
        lines += [gettext("More of them are in the inbox."), public_urls.inbox(base=public_url), ""]
    lines += [gettext("Choose what you get emails about on your account page:"), public_urls.account(base=public_url)]
    return subject, "\n".join(lines) + "\n"
