"""What kinds of texts there are for the gate: those that advertise, and those that answer a person's own act."""

from app.core.consent.rules import Reason
from app.models import Purpose

# They need an opt-in, wait for the end of quiet hours, and are held by the stop switch.
MARKETING = frozenset({Purpose.CAMPAIGN, Purpose.MESSAGE, Purpose.TEST, Purpose.WELCOME})
# The one text that a number gets after a STOP: it confirms it, or asks what the STOP was about.
CONFIRMS_STOP = frozenset({Purpose.STOPPED, Purpose.SCOPE})
ASKS_TO_CONFIRM = frozenset({Purpose.CODE, Purpose.CONFIRM})
# A test needs no opt-in, but its reader must not have said no.
AGAINST_TESTS = frozenset({Reason.SUPPRESSED, Reason.BLOCKED, Reason.GDPR_OPTOUT, Reason.OPTED_OUT})
