"""Replies: what a rule writes when a contact writes one of its words, in the transaction of their message.

A message of a bot is none of a contact, so no rule answers another.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.core.bots import greeting, matching, people, working_rules
from app.core.bots.greeting import Guest
from app.core.bots.matching import Visit
from app.core.consent import reach
from app.core.conversations.contact_messages import PostedMessage
from app.core.workspace import settings
from app.db import insert_or_ignore
from app.models import BotGreeting, BotTrigger, Contact


def reply(session: Session, guest: Guest, posted: PostedMessage, visit: Visit, *, at: datetime) -> bool:
    """Let the first rule that matches a message answer it, once to a person. Returns whether one did.

    :param guest: who wrote it; the row of the contact is locked
    :param posted: ``may_be_answered`` is true
    :param visit: with the text of the message, and the page that it was written on
    """
    if guest.contact_id is None:
        return False
    contact_id = guest.contact_id
    contact = session.get_one(Contact, contact_id)
    rules = working_rules.working(session, BotTrigger.WORDS)
    spoken = [each for each in rules if matching.has_word(each.words, visit.text)]
    if not spoken or reach.is_out_of_reach(contact):
        return False
    visit = greeting.at_this_time(settings.get(session), visit, at=at)
    visitor = people.anonymous({}, is_signed_in=guest.is_signed_in, at=at)
    person = people.known(session, contact_id, spoken, visitor)
    rule = matching.match(spoken, visit, person, at=at, pause=timedelta(0)).rule
    if rule is None or not working_rules.is_kept(session, rule.id):
        return False
    row = {"rule_id": rule.id, "contact_id": contact_id, "greeted_at": at}
    if not insert_or_ignore(session, BotGreeting, row):
        return False
    greeting.write(session, posted.conversation_id, rule, at=at)
    return True
