"""A shop on another site with the messenger, and helpers for its visitor and an agent."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import FrameLocator, Locator, Page, expect
from sqlalchemy import func, select

from app.core import clock
from app.core.conversations import appending, lifecycle, messages
from app.core.conversations import forms as conversation_forms
from app.core.conversations.appending import NewMessage
from app.core.forms import insertion
from app.core.forms.content import FormText
from app.core.workspace import settings as workspace_settings
from app.db import Database
from app.models import Contact, Conversation, Message
from tests import make
from tests.serve import other_site

ANA = "agent:1"
SHOWN_WITHIN_MS = 30_000  # two cores are shared by three test processes and their servers


class Shop:
    """Another site with the messenger; ``policy`` is its own content security policy, as strict as possible."""

    def __init__(self, address: str, origin: str, pages: dict[str, str], key: str, secret: str) -> None:
        self.address, self.origin, self.pages, self.key, self.secret = address, origin, pages, key, secret
        self.put("/")

    def put(self, path: str, before: str = "", after: str = "") -> str:
        """Add a page, with scripts before and markup after the snippet; returns its address."""
        snippet = f'<script src="{self.address}/messenger.js" data-key="{self.key}" async></script>'
        self.pages[path] = f"<!doctype html><html lang=en><title>Shop</title><h1>Shop</h1>{before}{snippet}{after}"
        return f"{self.origin}{path}"

    def signed(self, path: str, user_id: str, **more: str) -> str:
        """Add a page with a signed identity of its visitor; returns its address."""
        user_hash = hmac.new(self.secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()
        return self.put(path, identity(user_id=user_id, user_hash=user_hash, **more))


def identity(**values: str) -> str:
    return f"<script>window.assent = {json.dumps(values)}</script>"


@contextmanager
def opened(
    address: str, database: Database, headers: dict[str, str] | None = None, host: str = "127.0.0.1"
) -> Iterator[Shop]:
    """Serve the shop on another, allowed origin."""
    pages: dict[str, str] = {}
    with other_site(pages, headers, host) as origin:
        with database.unit_of_work() as session:
            workspace = workspace_settings.change(session, {"allowed_origins": [origin]}, actor=ANA, at=clock.now())
            key, secret = workspace.messenger_key, workspace.messenger_secret
        yield Shop(address, origin, pages, key, secret)


def panel(page: Page) -> FrameLocator:
    return page.frame_locator("#assent-messenger iframe")


def wait_until(page: Page, is_so: Callable[[], object]) -> None:
    """Wait for what the page causes elsewhere: a request, a line in the console, a row in the database."""
    deadline_s = time.monotonic() + SHOWN_WITHIN_MS / 1000
    while not is_so():
        assert time.monotonic() < deadline_s, "it did not happen in time"
        page.wait_for_timeout(50)


def polls_every_second(page: Page, where: Locator) -> None:
    """Wait until the page or frame polls a second after an earlier poll. A busy machine makes some pauses longer."""
    pauses_ms = """() => {
      const polls = performance.getEntriesByType("resource").filter(({ name }) => name.includes("/poll?"));
      return polls.slice(1).map(({ startTime }, index) => startTime - polls[index].responseEnd);
    }"""
    wait_until(page, lambda: any(900 < pause_ms < 2000 for pause_ms in where.evaluate(pauses_ms)))


def open_chat(page: Page) -> FrameLocator:
    page.get_by_role("button", name="Open the chat").click()
    expect(panel(page).get_by_label("Your message")).to_be_visible()
    return panel(page)


def write(page: Page, text: str) -> None:
    panel(page).get_by_label("Your message").fill(text)
    panel(page).get_by_role("button", name="Send").click()


def try_again(page: Page) -> None:
    """Press *Try again*, unless the message was already sent again automatically."""
    panel(page).locator("body").evaluate("() => document.querySelector('.about button')?.click()")


def wait_until_kept(page: Page, text: str) -> None:
    """Wait until the host page has stored the unsent message."""
    page.wait_for_function("text => Object.values(localStorage).some((kept) => kept.includes(text))", arg=text)


def reply(database: Database, text: str) -> None:
    with database.unit_of_work() as session:
        conversation = session.scalars(select(Conversation).order_by(Conversation.id.desc())).first()
        assert conversation
        messages.post(session, conversation.id, NewMessage(ANA, text), at=clock.now())


def count(database: Database, *models: type) -> list[int]:
    with database.read_only() as session:
        return [session.scalar(select(func.count()).select_from(model)) or 0 for model in models]


def insert_form(database: Database, text: FormText | None = None) -> None:
    """An agent inserts a form into the newest conversation, with this text or the usual one."""
    with database.unit_of_work() as session:
        conversation = session.scalars(select(Conversation).order_by(Conversation.id.desc())).first()
        assert conversation
        form = make.form(session, texts={"en": text} if text else None)
        contact = session.get_one(Contact, conversation.contact_id)
        inserted = insertion.insert_for(session, form, contact, inserted_by=ANA, at=clock.now())
        conversation_forms.place(
            session, appending.lock(session, conversation.id), inserted, author=ANA, at=clock.now()
        )


def form_in(page: Page) -> FrameLocator:
    return panel(page).frame_locator(".form iframe")


def bodies(database: Database) -> list[str]:
    with database.read_only() as session:
        return list(session.scalars(select(Message.body).where(Message.kind == "message").order_by(Message.id)))


def user_with_conversation(database: Database, external_id: str, phone_number: str | None = make.SAMS_NUMBER) -> None:
    """Create a user with a saved number, to whom an agent has written."""
    with database.unit_of_work() as session:
        sam = make.contact(session, external_id=external_id, phone_number=phone_number)
        conversation = lifecycle.find_or_start(session, sam.id, at=clock.now())
        messages.post(session, conversation.id, NewMessage(ANA, "Hello Sam"), at=clock.now())
