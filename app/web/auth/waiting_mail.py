"""The form of the account page about mails for conversations that wait."""

from wtforms import SelectField

from app.core.accounts.waiting_mail import AFTER_MINUTES
from app.models import Agent, MailedAbout
from app.web import services
from app.web.formkit import Form, choices
from app.web.i18n import lazy_gettext, ngettext

ABOUT = {
    MailedAbout.OFF: lazy_gettext("Never"),
    MailedAbout.MINE: lazy_gettext("Conversations assigned to me"),
    MailedAbout.MINE_OR_UNASSIGNED: lazy_gettext("Conversations assigned to me, and unassigned ones"),
    MailedAbout.ALL: lazy_gettext("All conversations"),
}


class WaitingMailForm(Form):
    """Which conversations the agent is mailed about, and after how many minutes. Core checks both values."""

    about = SelectField(lazy_gettext("Email me about"), validate_choice=False)
    after_minutes = SelectField(lazy_gettext("After waiting for"), coerce=int, validate_choice=False)

    def offer(self) -> None:
        """Fill in the choices, in the reader's language."""
        self.about.choices = choices((value.value, str(label)) for value, label in ABOUT.items())
        minutes = [(str(each), ngettext("%(num)s minute", "%(num)s minutes", each)) for each in AFTER_MINUTES]
        self.after_minutes.choices = choices(minutes)


def stored(agent: Agent) -> WaitingMailForm:
    """The form with the settings of this agent."""
    values = {"about": agent.mailed_about, "after_minutes": agent.mailed_after_minutes}
    return WaitingMailForm(formdata=None, data=values)


def is_sent() -> bool:
    """Whether this installation sends the mails: it has a mail server, and an address for the links."""
    return services.has_mail() and bool(services.settings().public_url)
