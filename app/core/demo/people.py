"""The people of the demo workspace. Nobody's: numbers are kept for fiction or are the examples of numbering plans."""

from dataclasses import dataclass
from typing import Literal

OFFERS, ORDERS, LETTER = "offers", "orders", "letter"


@dataclass(frozen=True)
class Step:
    """What a person, or somebody for them, did so many days ago. ``about``: a type, or a new number."""

    days_ago: float
    did: Literal["yes", "no", "agent_yes", "new_number", "gdpr_no", "blocked"]
    about: str = ""


@dataclass(frozen=True)
class Person:
    """``phone`` is E.164, or a country code: then the example number of that country's plan."""

    name: str
    phone: str | None
    locale: str
    steps: tuple[Step, ...] = ()
    has_email: bool = True

    @property
    def handle(self) -> str:
        return self.name.split(maxsplit=1)[0].lower()


PEOPLE = (
    Person("Sam Rivera", "+12025550123", "en", (Step(41, "yes", OFFERS), Step(12, "yes", LETTER))),
    Person("Noor Haddad", "AE", "ar", (Step(33.4, "yes", OFFERS),)),
    Person("Lea Martin", "FR", "fr", (Step(29.8, "yes", OFFERS), Step(8.2, "no", OFFERS))),
    Person("Jonas Weber", "DE", "de", (Step(27.1, "yes", OFFERS), Step(26.9, "yes", LETTER))),
    Person("Paula Souza", "BR", "pt_BR", (Step(25.3, "yes", OFFERS),)),
    Person("Carmen Ortiz", "ES", "es", (Step(24.6, "yes", OFFERS), Step(20.5, "no", ORDERS))),
    Person("Oliver Shaw", "GB", "en", (Step(22.7, "yes", OFFERS), Step(6.1, "new_number", "+12025550147"))),
    Person("Grace Kim", "+12025550158", "en", (Step(21.2, "agent_yes", OFFERS),)),
    Person("Tom Becker", "+14155550132", "en", (Step(19.9, "yes", OFFERS), Step(3.3, "no", OFFERS))),
    Person("Aoife Byrne", "IE", "en", (Step(18.4, "no", ORDERS),)),
    Person("Daan Visser", "NL", "en", (Step(15.6, "yes", OFFERS), Step(5.2, "gdpr_no"))),
    Person("Mia Rossi", "IT", "en", (Step(14.2, "yes", LETTER),)),
    Person("Ravi Nair", "IN", "en", (Step(11.8, "yes", OFFERS), Step(2.4, "blocked"))),
    Person("Ines Costa", "PT", "pt_BR"),
    Person("Diego Luna", "MX", "es"),
    Person("Hannah Cole", None, "en"),
    Person("Yusuf Demir", None, "en", (Step(9.5, "yes", LETTER),)),
    Person("Emma Clark", "+12025550176", "en", (Step(4.7, "yes", OFFERS),)),
    Person("Lucas Petit", "+14155550119", "fr", (Step(1.6, "yes", OFFERS),), has_email=False),
    Person("Zoe Adams", "+14155550185", "en", (Step(0.4, "yes", OFFERS),)),
)
# A form waits for each of these: one has a saved number, one has none, one has answered long ago.
WAITING = ("Ines Costa", "Hannah Cole", "Sam Rivera")
