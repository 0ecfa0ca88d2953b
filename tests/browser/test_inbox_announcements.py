"""New messages are announced: in the title, and by a sound and a notification if the agent enabled them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from app.core import clock
from app.core.conversations import lifecycle, messages
from app.core.conversations.appending import NewMessage
from app.db import Database
from app.models import Contact
from tests import make
from tests.browser.conftest import sign_in

pytestmark = pytest.mark.databases("sqlite")
# The real ones, listened to; and a page that can be put behind another for so long that its own timers stand still.
SPY = """
  window.heard = { tones: [], notifications: [] };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...when) {
    heard.tones.push(this.context.state);
    return start.apply(this, when);
  };
  window.Notification = class extends Notification {
    constructor(title, options) {
      super(title, options);
      heard.notifications.push(`${title}: ${options.body}`);
      heard.last = this;
    }
  };
  const later = window.setTimeout;
  window.setTimeout = (act, ms, ...more) => (window.isBehind && ms >= 1000 ? 0 : later(act, ms, ...more));
  Object.defineProperty(document, "hidden", { get: () => Boolean(window.isBehind) });
"""


@pytest.fixture
def inbox(chromium: Browser, address: str) -> Iterator[Page]:
    """Max at the inbox."""
    with opened(chromium, address) as page:
        yield page


@pytest.fixture
def notified(whole_chromium: Browser, address: str) -> Iterator[Page]:
    """Max at the inbox, in a browser that may show notifications."""
    with opened(whole_chromium, address) as page:
        yield page


@contextmanager
def opened(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(locale="en-US")
    context.grant_permissions(["notifications"], origin=address)
    context.add_init_script(SPY)
    page = context.new_page()
    sign_in(page, address)
    page.goto(f"{address}/inbox")
    yield page
    context.close()


def choose(page: Page, *, sound: bool = False, notification: bool = False) -> None:
    page.get_by_role("button", name="Notifications and shortcuts").click()
    page.get_by_label("Play a sound").set_checked(sound)
    page.get_by_label("Show a desktop notification").set_checked(notification)
    page.wait_for_timeout(300)
    if sound:
        page.wait_for_function("heard.tones.length > 0")
    page.get_by_role("button", name="Done").click()
    forget(page)


def forget(page: Page) -> None:
    page.evaluate("() => { heard.tones = []; heard.notifications = []; }")


def heard(page: Page) -> tuple[list[str], list[str]]:
    """The tones, each with the state of the audio context, and the notifications."""
    played: dict[str, Any] = page.evaluate("({ tones: heard.tones, notifications: heard.notifications })")
    return played["tones"], played["notifications"]


def start_conversation(database: Database, name: str, text: str) -> int:
    with database.unit_of_work() as session:
        contact = session.query(Contact).filter_by(name=name).one_or_none() or make.contact(session, name=name)
        chat = lifecycle.find_or_start(session, contact.id, at=clock.now())
        messages.post(session, chat.id, NewMessage("contact", text), at=clock.now())
        return chat.id


def test_only_the_title_announces_news_by_default(notified: Page, database: Database) -> None:
    notified.evaluate("window.isBehind = true")
    start_conversation(database, "Sam Rivera", "Is anybody there?")
    expect(notified).to_have_title(re.compile(r"^\(1\) Inbox"))
    start_conversation(database, "Noor Haddad", "Hello")
    expect(notified).to_have_title(re.compile(r"^\(2\) Inbox"))
    notified.wait_for_timeout(300)
    assert heard(notified) == ([], [])


def test_a_sound_is_played_once_for_each_announcement_if_enabled(inbox: Page, database: Database) -> None:
    choose(inbox, sound=True)
    for number in (1, 2):
        start_conversation(database, "Sam Rivera", f"message {number}")
        expect(inbox.get_by_role("link", name=re.compile(f"message {number}"))).to_be_visible()
        inbox.wait_for_function("number => heard.tones.length === number", arg=number)
    inbox.wait_for_timeout(1200)  # another poll announces nothing again
    assert heard(inbox) == (["running", "running"], [])
    choose(inbox, sound=False)
    start_conversation(database, "Sam Rivera", "message 3")
    expect(inbox.get_by_role("link", name=re.compile("message 3"))).to_be_visible()
    assert heard(inbox) == ([], [])


def test_a_notification_is_shown_for_a_hidden_page_and_opens_the_conversation(
    notified: Page, address: str, database: Database
) -> None:
    choose(notified, notification=True)
    start_conversation(database, "Sam Rivera", "You are looking at this")
    expect(notified.get_by_role("link", name=re.compile("looking at this"))).to_be_visible()
    assert heard(notified) == ([], [])
    notified.evaluate("window.isBehind = true")
    chat = start_conversation(database, "Noor Haddad", "Do you have decaf?")
    notified.wait_for_function("() => heard.notifications.length")
    assert heard(notified) == ([], ["Noor Haddad: Do you have decaf?"])
    notified.evaluate("heard.last.dispatchEvent(new Event('click'))")
    notified.wait_for_url(f"{address}/inbox/{chat}")
    expect(notified.locator("#thread")).to_contain_text("Do you have decaf?")


def test_preferences_are_kept_for_the_next_page(notified: Page, address: str, database: Database) -> None:
    choose(notified, sound=True, notification=True)
    unread = start_conversation(database, "Noor Haddad", "Is anybody there?")
    notified.goto(f"{address}/inbox")
    notified.get_by_role("button", name="Notifications and shortcuts").click()
    expect(notified.get_by_label("Play a sound")).to_be_checked()
    expect(notified.get_by_label("Show a desktop notification")).to_be_checked()
    with (
        database.unit_of_work() as session
    ):  # an unread conversation is not announced because of an action of another agent
        lifecycle.assign(session, unread, 1, actor="agent:1", at=clock.now())
    expect(notified.locator(".chat-marks")).to_contain_text("You")
    assert heard(notified) == ([], [])
    notified.evaluate("window.isBehind = true")
    start_conversation(database, "Sam Rivera", "Hello")
    notified.wait_for_function("() => heard.tones.length === 1 && heard.notifications.length === 1")


def test_sounds_can_be_limited_to_conversations_assigned_to_the_agent(inbox: Page, database: Database) -> None:
    inbox.get_by_role("button", name="Notifications and shortcuts").click()
    inbox.get_by_label("Sound and notification only for conversations assigned to me").check()
    inbox.get_by_role("button", name="Done").click()
    choose(inbox, sound=True)
    mine = start_conversation(database, "Sam Rivera", "Hello")
    expect(inbox.locator("#chats").get_by_role("link", name=re.compile("Sam Rivera"))).to_be_visible()
    with database.unit_of_work() as session:
        lifecycle.assign(session, mine, 1, actor="agent:1", at=clock.now())
    expect(inbox.locator(".chat-marks")).to_contain_text("You")
    assert heard(inbox) == ([], [])
    start_conversation(database, "Sam Rivera", "Still there?")
    inbox.wait_for_function("() => heard.tones.length === 1")
