"""Settings of sending: the stop switch, what a STOP ends, quiet hours, limits, approval and prices."""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, IntegerField, RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import Optional
from wtforms.widgets import CheckboxInput, ListWidget

from app.core import audit, clock, quiet_hours
from app.core.campaigns import cost
from app.core.errors import InvalidInput
from app.core.quiet_hours_rows import rows
from app.core.sms import switch
from app.core.workspace import settings
from app.core.workspace.sending import StopScope
from app.models import Workspace
from app.web import formatting
from app.web.admin.blueprint import blueprint
from app.web.formkit import Form, accepted, choices, rule, text
from app.web.i18n import gettext, lazy_gettext, sentence_of
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import admin_required, current_actor

MICROS = 1_000_000
_TOO_MUCH = Decimal(10**9)
DAYS = {
    "mon": lazy_gettext("Monday"),
    "tue": lazy_gettext("Tuesday"),
    "wed": lazy_gettext("Wednesday"),
    "thu": lazy_gettext("Thursday"),
    "fri": lazy_gettext("Friday"),
    "sat": lazy_gettext("Saturday"),
    "sun": lazy_gettext("Sunday"),
}
SCOPES = {
    StopScope.ALL_SMS: lazy_gettext("All subscriptions by SMS (recommended)"),
    StopScope.PROGRAMME: lazy_gettext("The subscription type that the person answers"),
    StopScope.ALL_CHANNELS: lazy_gettext("All subscriptions by SMS and by email"),
}
_PLAIN = ("stop_scope", "approval_above", "currency")


class SendingForm(Form):
    """Empty fields of times and limits mean that there is none."""

    stop_scope = RadioField(lazy_gettext("A STOP ends"), validate_choice=False)
    standard = BooleanField(lazy_gettext("Send only in the hours that laws allow where the person is"))
    start = StringField(lazy_gettext("Own hours: from"), filters=[text])
    end = StringField(lazy_gettext("until"), filters=[text])
    days = SelectMultipleField(
        lazy_gettext("Days"), widget=ListWidget(), option_widget=CheckboxInput(), validate_choice=False
    )
    holidays = BooleanField(lazy_gettext("Send nothing on public holidays"))
    closed = TextAreaField(lazy_gettext("Other days on which nothing is sent"), filters=[text])
    cap_messages = IntegerField(lazy_gettext("At most this many texts"), [Optional()])
    cap_hours = IntegerField(lazy_gettext("in this many hours"), [Optional()])
    texts_per_second = IntegerField(
        lazy_gettext("Texts per second"), [Optional(), rule(partial(settings.check, "texts_per_second"))]
    )
    approval_above = IntegerField(
        lazy_gettext("Recipients above which a second person approves"),
        [Optional(), rule(partial(settings.check, "approval_above"))],
    )
    currency = StringField(lazy_gettext("Currency"), [rule(partial(settings.check, "currency"))], filters=[text])
    text_prices = TextAreaField(
        lazy_gettext("Price of one segment by country"),
        [rule(lambda typed: settings.check("text_prices", prices_of(typed or "")))],
        filters=[text],
    )

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.stop_scope.choices = choices([(str(scope), label) for scope, label in SCOPES.items()])
        self.days.choices = choices(list(DAYS.items()))

    def validate(self, *args: Any, **kwargs: Any) -> bool:
        """Values that take several fields are checked together, and refused at the first of these."""
        is_valid = super().validate(*args, **kwargs)
        for name, field, value in (
            ("quiet_hours", self.start, self._quiet_hours),
            ("frequency_cap", self.cap_messages, self._frequency_cap),
            ("stop_scope", self.stop_scope, self.stop_scope.data or ""),
        ):
            try:
                settings.check(name, value)
            except InvalidInput as refused:
                field.errors = [*field.errors, sentence_of(refused)]
                is_valid = False
        return is_valid

    @property
    def values(self) -> dict[str, Any]:
        """As ``settings.change`` takes them."""
        return {
            **{name: self[name].data for name in _PLAIN},
            "texts_per_second": self.texts_per_second.data or 0,
            "text_prices": prices_of(self.text_prices.data or ""),
            "quiet_hours": self._quiet_hours,
            "frequency_cap": self._frequency_cap,
        }

    @property
    def _quiet_hours(self) -> dict[str, Any]:
        hours = {"start": self.start.data, "end": self.end.data, "days": self.days.data}
        return {
            **({"rules": "standard"} if self.standard.data else {}),
            **(hours if self.start.data or self.end.data else {}),
            "holidays": bool(self.holidays.data),
            "closed": (self.closed.data or "").split(),
        }

    @property
    def _frequency_cap(self) -> dict[str, Any] | None:
        cap = {"messages": self.cap_messages.data, "hours": self.cap_hours.data}
        return cap if any(value is not None for value in cap.values()) else None


def prices_of(typed: str) -> dict[str, int]:
    """Lines such as ``US 0.0083``, as ``text_prices`` has them. :raises InvalidInput: a line is not like that"""
    prices: dict[str, int] = {}
    for line in typed.splitlines():
        country, _, price = line.strip().partition(" ")
        try:
            # What is too much or below zero is refused afterwards; here it must not have a million digits.
            amount = max(-_TOO_MUCH, min(Decimal(price.strip().replace(",", ".")), _TOO_MUCH))
            prices[country] = int((amount * MICROS).to_integral_value())
        except ArithmeticError:
            if line.strip():
                raise InvalidInput(
                    "Write one country per line, with its price: US 0.0083.", field="text_prices"
                ) from None
    return prices


def price_lines(prices: Mapping[str, int]) -> str:
    """The prices as ``prices_of`` reads them."""
    return "\n".join(f"{country} {_amount(micros)}" for country, micros in sorted(prices.items()))


@blueprint.route("/admin/sending", methods=["GET", "POST"])
@admin_required
def sending_page() -> ResponseReturnValue:
    with read_only() as session:
        form = SendingForm(data=_values_of(settings.get(session)))
    return accepted(form, _saved) or (_page(form), form.status)


@blueprint.post("/admin/sending/stop")
@admin_required
def stop_sending() -> ResponseReturnValue:
    with unit_of_work() as session:
        switch.stop_all(session, actor=current_actor(), at=clock.now())
    flash(gettext("Sending is stopped. Texts of campaigns wait until you send again."), "warning")
    return redirect(url_for("admin.sending_page"), 303)


@blueprint.post("/admin/sending/resume")
@admin_required
def resume_sending() -> ResponseReturnValue:
    with unit_of_work() as session:
        switch.resume(session, actor=current_actor(), at=clock.now())
    flash(gettext("Texts are sent again."))
    return redirect(url_for("admin.sending_page"), 303)


def _saved(form: SendingForm) -> ResponseReturnValue:
    with unit_of_work() as session:
        settings.change(session, form.values, actor=current_actor(), at=clock.now())
    flash(gettext("The settings are saved."))
    return redirect(url_for("admin.sending_page"), 303)


def _values_of(workspace: Workspace) -> dict[str, Any]:
    hours, cap = workspace.quiet_hours or {}, workspace.frequency_cap or {}
    return {
        **{name: getattr(workspace, name) for name in _PLAIN},
        "standard": bool(hours.get("rules")),
        "start": hours.get("start"),
        "end": hours.get("end"),
        "days": hours.get("days") or list(DAYS),
        "holidays": bool(hours.get("holidays")),
        "closed": "\n".join(hours.get("closed", ())),
        "cap_messages": cap.get("messages"),
        "cap_hours": cap.get("hours"),
        "texts_per_second": workspace.texts_per_second or None,
        "text_prices": price_lines(workspace.text_prices),
    }


def _page(form: SendingForm) -> str:
    with read_only() as session:
        workspace = settings.get(session)
        return render_template(
            "admin/sending.html",
            form=form,
            workspace=workspace,
            rules=rows(),
            days=DAYS,
            hours=quiet_hours.hours_of,
            listed_prices=price_lines(cost.defaults().by_country),
            listed_currency=cost.defaults().currency,
            entries=audit.find(session, audit.Filter(actions=["settings.", "sending."]), limit=6),
            agents=formatting.actor_names(session),
        )


def _amount(micros: int) -> str:
    return f"{Decimal(micros) / MICROS:f}".rstrip("0").rstrip(".") if micros % MICROS else str(micros // MICROS)
