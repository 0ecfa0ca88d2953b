"""The people of the demo workspace.

Their numbers belong to no one: they are reserved for fiction, or are the examples of a country's numbering plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

OFFERS, ORDERS, LETTER, SUMMER = "offers", "orders", "letter", "summer"


@dataclass(frozen=True)
class Step:
    """What a person did, or an agent did for them.

    :param subject: the subscription type, or the new number
    """

    days_ago: float
    action: Literal["opt_in", "opt_out", "opt_in_by_agent", "change_number", "gdpr_opt_out", "block"]
    subject: str = ""


@dataclass(frozen=True)
class Person:
    """A contact of the demo. ``phone`` is E.164, or a country code for the example number of that country.

    :param is_visitor: known by the number alone
    """

    name: str
    phone: str | None
    locale: str
    steps: tuple[Step, ...] = ()
    has_email: bool = True
    is_visitor: bool = False
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, str | int | bool] = field(default_factory=dict)

    @property
    def handle(self) -> str:
        return self.name.split(maxsplit=1)[0].lower()


PEOPLE = (
    Person(
        "Sam Rivera",
        "+12025550123",
        "en",
        (Step(41, "opt_in", OFFERS), Step(12, "opt_in", LETTER)),
        tags=("Regular", "Tastings"),
        attributes={"favorite_roast": "Lighthouse", "orders": 14, "loyalty_card": True},
    ),
    Person("Noor Haddad", "AE", "ar", (Step(33.4, "opt_in", OFFERS),)),
    Person("Lea Martin", "FR", "fr", (Step(29.8, "opt_in", OFFERS), Step(8.2, "opt_out", OFFERS))),
    Person("Jonas Weber", "DE", "de", (Step(27.1, "opt_in", OFFERS), Step(26.9, "opt_in", LETTER))),
    Person("Paula Souza", "BR", "pt_BR", (Step(25.3, "opt_in", OFFERS),)),
    Person("Carmen Ortiz", "ES", "es", (Step(24.6, "opt_in", OFFERS), Step(20.5, "opt_out", ORDERS))),
    Person("Oliver Shaw", "GB", "en", (Step(22.7, "opt_in", OFFERS), Step(6.1, "change_number", "+12025550147"))),
    Person("Grace Kim", "+12025550158", "en", (Step(21.2, "opt_in_by_agent", OFFERS),)),
    Person("Tom Becker", "+14155550132", "en", (Step(19.9, "opt_in", OFFERS), Step(3.3, "opt_out", OFFERS))),
    Person("Aoife Byrne", "IE", "en", (Step(18.4, "opt_out", ORDERS),)),
    Person("Daan Visser", "NL", "en", (Step(15.6, "opt_in", OFFERS), Step(5.2, "gdpr_opt_out"))),
    Person("Mia Rossi", "IT", "en", (Step(14.2, "opt_in", LETTER),)),
    Person("Ravi Nair", "IN", "en", (Step(11.8, "opt_in", OFFERS), Step(2.4, "block"))),
    Person("Ines Costa", "PT", "pt_BR"),
    Person("Diego Luna", "MX", "es"),
    Person("Hannah Cole", None, "en"),
    Person("Yusuf Demir", None, "en", (Step(9.5, "opt_in", LETTER),)),
    Person("Emma Clark", "+12025550176", "en", (Step(4.7, "opt_in", OFFERS),)),
    Person("Lucas Petit", "+14155550119", "fr", (Step(1.6, "opt_in", OFFERS),), has_email=False),
    # the same person as Emma Clark, who filled in a form without signing in
    Person("Emma C.", "+12025550176", "en", has_email=False, is_visitor=True),
    Person("Zoe Adams", "+14155550185", "en", (Step(0.4, "opt_in", OFFERS),)),
)
# People with a form that waits for an answer: with a saved number, without one, and with an answer of long ago.
WAITING = ("Ines Costa", "Hannah Cole", "Sam Rivera")
# People who asked that their data be deleted, and how many days ago.
DELETION_REQUESTS = (("Tom Becker", 3.2),)
# People who filled in a card at a fair: some can be subscribed, Sam was before, and three are skipped.
FAIR = (
    "Sam Rivera",
    "Noor Haddad",
    "Carmen Ortiz",
    "Grace Kim",
    "Daan Visser",
    "Ravi Nair",
    "Diego Luna",
    "Lucas Petit",
)
