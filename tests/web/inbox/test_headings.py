"""What is shown above a message: the day once, and one name for consecutive messages of one author."""

from datetime import timedelta

from app.core.conversations.views import AgentMessage
from app.models import MessageKind
from app.web.inbox.headings import headings
from tests.make import NOON


def _shown(*messages: tuple[str, str, float], time_zone: str = "UTC") -> list[str]:
    """``d``, ``n`` and ``t`` of each message, where it shows the day, the name and the time."""
    made = {
        number: AgentMessage(number, MessageKind(kind), author, "", None, None, NOON + timedelta(minutes=minutes))
        for number, (author, kind, minutes) in enumerate(messages, 1)
    }
    found = headings(made, time_zone)
    return ["d" * bool(each.day) + "n" * each.is_named + "t" * each.is_timed for each in found.values()]


def test_consecutive_messages_of_one_author_share_a_name() -> None:
    sam, ana = ("contact", "message"), ("agent:1", "message")
    assert _shown((*sam, 0), (*sam, 1), (*ana, 2), ("agent:1", "form", 3), ("agent:2", "message", 4)) == [
        "dnt",
        "",
        "nt",
        "",
        "nt",
    ]


def test_notes_and_events_do_not_continue_a_group() -> None:
    ana = "agent:1"
    shown = _shown((ana, "message", 0), (ana, "note", 1), (ana, "note", 2), (ana, "event", 3), (ana, "message", 4))
    assert shown == ["dnt", "nt", "", "nt", "nt"]


def test_a_message_after_a_pause_shows_its_time_and_a_new_day_its_name() -> None:
    sam = ("contact", "message")
    assert _shown((*sam, 0), (*sam, 5), (*sam, 12 * 60)) == ["dnt", "t", "dnt"]
    assert _shown((*sam, 0), (*sam, 12 * 60), time_zone="America/New_York") == ["dnt", "t"]
