"""A small model of the promises: who is reachable after what people, agents and API clients did."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Person:
    """What the model knows of one contact.

    ``said``: opted in or out, and the number it was for; ``said_at`` when. ``numbers``: each with the time since which
    the contact has it, the present one last.
    """

    numbers: list[tuple[datetime, str]]
    is_user: bool
    user_id: str | None = None
    said: tuple[str, str] | None = None
    said_at: datetime = EPOCH
    is_archived: bool = False
    is_blocked: bool = False
    is_gdpr_off: bool = False

    @property
    def number(self) -> str:
        return self.numbers[-1][1]

    @property
    def is_closed(self) -> bool:
        return self.is_blocked or self.is_gdpr_off

    def number_at(self, at: datetime) -> str:
        """The number that the contact had then; its first one before it was known."""
        return next((number for since, number in reversed(self.numbers) if since <= at), self.numbers[0][1])


@dataclass
class Model:
    """The promises: an opt-out belongs to the person and the number, a suppression to the number."""

    at: datetime
    people: dict[str, Person] = field(default_factory=dict)
    opt_outs: dict[tuple[str, str], datetime] = field(default_factory=dict)
    suppressed: set[str] = field(default_factory=set)
    leads: dict[str, str] = field(default_factory=dict)
    is_live: bool = True

    def is_refused(self, number: str) -> bool:
        return number in self.suppressed or any(each == number for each, _ in self.opt_outs)

    def may_claim(self, person: Person) -> bool:
        """Whether what an unverified person says about this number counts."""
        is_out = person.said is not None and person.said[0] == "out"
        return not (is_out or person.is_closed or self.is_refused(person.number) or self.is_gdpr_off(person.number))

    def is_gdpr_off(self, number: str) -> bool:
        return any(each.number == number and each.is_gdpr_off for each in self.people.values())

    def must_refuse(self, person: Person, number: str, at: datetime) -> bool:
        """Whether an opt-in reported for this number and time may not be recorded."""
        later_opt_outs = [each for (for_number, _), each in self.opt_outs.items() if for_number == number and each > at]
        is_outdated = person.said is not None and person.said_at > at
        return bool(later_opt_outs or is_outdated or person.is_closed or number in self.suppressed or not self.is_live)

    def reachable(self) -> set[str]:
        return {
            key
            for key, each in self.people.items()
            if self.is_live
            and not (each.is_archived or each.is_closed)
            and each.said == ("in", each.number)
            and not self.is_refused(each.number)
        }

    def opt_in(self, key: str, *, is_for_everyone: bool = False, at: datetime | None = None) -> None:
        """:param at: the reported time, if it was earlier; it counts for the number that the contact had then"""
        person = self.people[key]
        number = person.number if at is None else person.number_at(at)
        if person.said == ("in", number):
            return
        person.said, person.said_at = ("in", number), at or self.at
        for said, by in list(self.opt_outs):
            if said == number and (is_for_everyone or by == key):
                del self.opt_outs[said, by]

    def claim(self, key: str) -> None:
        if self.may_claim(self.people[key]):
            self.opt_in(key)

    def opt_out(self, key: str) -> None:
        person = self.people[key]
        if person.said is not None and person.said[0] == "in":
            self.opt_outs[person.said[1], key] = self.at
        self.opt_outs[person.number, key] = self.at
        person.said, person.said_at = ("out", person.number), self.at

    def change_number(self, key: str, number: str) -> None:
        person = self.people[key]
        if number != person.number:
            person.numbers.append((self.at, number))
            self.forget_lead(key)

    def merge(self, source: str, target: str) -> None:
        ended, stays = self.people.pop(source), self.people[target]
        stays.is_blocked |= ended.is_blocked
        stays.is_gdpr_off |= ended.is_gdpr_off
        stays.user_id = stays.user_id or ended.user_id
        moved = {number for number, by in self.opt_outs if by == source}
        for number in moved:
            at = self.opt_outs.pop((number, source))
            self.opt_outs[number, target] = max(at, self.opt_outs.get((number, target), at))
        if ended.said is not None and ended.said[0] == "out":
            self.opt_out(target)
        elif stays.said is None and ended.said == ("in", stays.number) and self.may_claim(stays):
            self.opt_in(target)
        if moved and (stays.said is None or stays.number in moved):
            self.opt_out(target)
        self.forget_lead(source)

    def forget_lead(self, key: str) -> None:
        self.leads = {number: lead for number, lead in self.leads.items() if lead != key}
