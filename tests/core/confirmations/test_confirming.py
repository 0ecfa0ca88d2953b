"""Confirmations that several requests and texts race for, and what a random order of acts leaves behind."""

import contextlib
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import destinations
from app.core.confirmations import confirming, replies
from app.core.confirmations.confirming import Result
from app.core.confirmations.pretending import Asked
from app.core.consent import changes as consent
from app.core.consent import locking
from app.core.forms import views as form_views
from app.core.forms.form_view import State, Texting
from app.core.forms.render_token import RenderToken
from app.core.signing import keys_of, random_token
from app.core.submissions import submit as submissions
from app.core.submissions.outcome import Typed
from app.db import Database
from app.models import (
    Channel,
    Confirmation,
    Consent,
    ConsentEvent,
    EvidenceLevel,
    SmsMessage,
    Source,
    VerifyNumber,
)
from tests import make
from tests.processes import PATIENCE_S

AT = make.NOON + timedelta(minutes=5)
TEXTING = Texting("+15005550006", receives=True, host="texts.example.com")
UNVERIFIED = make.evidence(level=EvidenceLevel.WEB_UNVERIFIED)


def _answered(session: Session, key: str, *, at: datetime = AT, nonce: str = "") -> submissions.Outcome:
    """Sam's answer to a public form, as its page sends it."""
    shown = RenderToken(key, 0, "en", "words", None, None, None, nonce or random_token(), at)
    view = replace(form_views.public_view(session, key), texting=TEXTING)
    shown = replace(shown, version_id=view.form.version_id)
    view = replace(form_views.public_view(session, key, shown=shown), texting=TEXTING)
    typed = Typed({"sms": destinations.read(keys_of(session), make.SAMS_NUMBER, Channel.SMS, region=None)})
    return submissions.submit(session, view, shown, typed=typed, evidence=UNVERIFIED, at=at)


def _code(session: Session) -> str:
    body = session.scalars(select(SmsMessage.body).order_by(SmsMessage.id.desc())).first()
    found = re.match(r"\d{6}", body or "")
    assert found
    return found[0]


def _at_once(database: Database, *acts: Callable[[Session], object]) -> list[object]:
    """Each act in a transaction and its own thread."""
    begun = threading.Barrier(1 if database.is_sqlite else len(acts))

    def run(act: Callable[[Session], object]) -> object:
        with database.unit_of_work() as session:
            session.scalar(select(Confirmation.id).limit(1))
            begun.wait(PATIENCE_S)
            return act(session)

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_the_same_code_twice_at_the_same_time_opts_in_once_and_wrong_ones_cost_a_try_each(database: Database) -> None:
    with database.unit_of_work() as session:
        key = make.form(session, verify_number="code").key
    with database.unit_of_work() as session:
        token = _answered(session, key).confirmation
        code = _code(session)
    assert token
    wrong = f"{(int(code) + 1) % 1_000_000:06}"

    def enter(typed: str) -> Callable[[Session], Result]:
        asked = Asked(token or "", VerifyNumber.CODE, AT)
        return lambda session: confirming.enter_code(session, asked, typed, UNVERIFIED, texting=TEXTING, at=AT).result

    assert _at_once(database, *[enter(wrong)] * 3) == [Result.WRONG] * 3
    with database.read_only() as session:
        assert session.scalars(select(Confirmation.tries_left)).one() == 2
    assert _at_once(database, *[enter(code)] * 3) == [Result.CONFIRMED] * 3
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(ConsentEvent)) == 1
        assert session.scalars(select(Consent.state)).one() == "opted_in"


def test_a_double_click_at_the_same_time_sends_one_text_and_yes_twice_counts_once(database: Database) -> None:
    with database.unit_of_work() as session:
        key, nonce = make.form(session, verify_number="reply").key, random_token()

    def click(session: Session) -> submissions.Outcome:
        return _answered(session, key, nonce=nonce)

    outcomes = _at_once(database, click, click)
    assert [each.state for each in outcomes if isinstance(each, submissions.Outcome)] == [State.CONFIRM] * 2
    with database.read_only() as session:
        text = session.scalars(select(SmsMessage)).one()
        assert session.scalar(select(func.count()).select_from(Confirmation)) == 1
    yes = make.evidence(Source.KEYWORD)
    replied = _at_once(database, *[lambda session: replies.confirm_by_reply(session, text.phone_hash, yes, at=AT)] * 2)
    assert sorted(map(bool, replied)) == [False, True]


def test_what_is_not_confirmed_in_time_ends_and_keeps_nothing_of_the_person(database: Database) -> None:
    with database.unit_of_work() as session:
        key = make.form(session, verify_number="code").key
    with database.unit_of_work() as session:
        _answered(session, key)
    with database.unit_of_work() as session:
        assert confirming.expire_some(session, at=AT + timedelta(minutes=9)) == 0
        assert confirming.expire_some(session, at=AT + timedelta(minutes=10)) == 1
    with database.read_only() as session:
        ended = session.scalars(select(Confirmation)).one()
        assert (ended.state, ended.phone, ended.code_hash, ended.evidence) == ("expired", None, None, None)
        assert session.scalars(select(SmsMessage.body)).one() is None


class _UndoneError(Exception):
    """Rolls an example back."""


@pytest.mark.databases("sqlite")
@hypothesis.settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(st.sampled_from(["answer", "right", "wrong", "opt_out", "late"]), max_size=9))
def test_only_the_right_code_in_time_and_after_every_opt_out_opts_in(database: Database, acts: list[str]) -> None:
    """Whatever happens in whatever order: there is an opt-in exactly when the model says so."""
    with contextlib.suppress(_UndoneError), database.unit_of_work() as session:
        _play(session, acts)
        raise _UndoneError


def _play(session: Session, acts: list[str]) -> None:
    offers = make.live_type(session)
    key = make.form(session, offers, verify_number="code").key
    at, asked_at, token, code = AT, AT, None, ""
    is_opted_in, may_confirm = False, False
    for act in acts:
        at += timedelta(minutes=11) if act == "late" else timedelta(seconds=1)
        if act == "answer":
            token, asked_at, tries, may_confirm = _answered(session, key, at=at).confirmation, at, 5, True
            code = _code(session)
        elif act == "opt_out" and token:
            contact_id = session.scalars(select(Confirmation.contact_id).where(Confirmation.token == token)).one()
            contact = locking.lock(session, contact_id)
            consent.opt_out(session, contact, offers.id, contact.phone, make.evidence(), at=at)
            is_opted_in = may_confirm = False
        elif act in {"right", "wrong"} and token:
            typed = code if act == "right" else f"{(int(code) + 1) % 1_000_000:06}"
            asked = Asked(token, VerifyNumber.CODE, asked_at)
            confirming.enter_code(session, asked, typed, UNVERIFIED, texting=TEXTING, at=at)
            may_confirm = may_confirm and at - asked_at < timedelta(minutes=10)
            if act == "wrong":
                tries -= 1
                may_confirm = may_confirm and tries > 0
            elif may_confirm:
                is_opted_in, may_confirm = True, False
        states = session.scalars(select(Consent.state).where(Consent.subscription_type_id == offers.id)).all()
        assert (list(states) == ["opted_in"]) == is_opted_in, (act, acts)
