"""A small model of the promises: who is reachable after what people, agents and API clients did."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

_STRENGTH = {"manual": 0, "review": 1, "carrier": 2, "keyword": 3, "preference_center": 3}


class By(Enum):
    """Who said so: the person (also as an agent or client reports with a note), an API client on its own account, or
    someone who proved nothing.
    """

    PERSON = "person"
    CLIENT = "client"
    UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Said:
    """Opted in or out, for which number, when, and who said so. ``serial`` is the number of the change."""

    is_in: bool
    number: str
    at: datetime
    by: By
    serial: int


@dataclass(frozen=True)
class OptOut:
    """An opt-out of a number by one contact."""

    at: datetime
    by: By
    serial: int


@dataclass
class Person:
    """What the model knows of one contact.

    ``numbers``: each with the time since which the contact has it, the present one last. ``before``: what an opt-in
    changed, by its serial number: what was said before, and the contact's own opt-outs that it revoked.
    """

    numbers: list[tuple[datetime, str]]
    is_user: bool
    user_id: str | None = None
    said: Said | None = None
    before: dict[int, tuple[Said | None, dict[str, OptOut]]] = field(default_factory=dict)
    is_archived: bool = False
    is_blocked: bool = False
    is_gdpr_off: bool = False
    has_address: bool = False
    left_news: bool = False

    @property
    def number(self) -> str:
        return self.numbers[-1][1]

    @property
    def is_closed(self) -> bool:
        return self.is_blocked or self.is_gdpr_off

    @property
    def is_out(self) -> bool:
        return self.said is not None and not self.said.is_in

    @property
    def status(self) -> str:
        if self.is_out:
            return "opted_out"
        return "opted_in" if self.is_in(self.number) else "never_asked"

    def is_in(self, number: str) -> bool:
        return self.said is not None and self.said.is_in and self.said.number == number

    def number_at(self, at: datetime) -> str:
        """The number that the contact had then; its first one before it was known."""
        return next((number for since, number in reversed(self.numbers) if since <= at), self.numbers[0][1])


@dataclass
class Model:
    """The promises: an opt-out belongs to the person and the number, a suppression to the number.

    ``opt_outs`` are named by the number and the contact. ``suppressed``: the cause of each number.
    """

    at: datetime
    people: dict[str, Person] = field(default_factory=dict)
    opt_outs: dict[tuple[str, str], OptOut] = field(default_factory=dict)
    suppressed: dict[str, str] = field(default_factory=dict)
    leads: dict[str, str] = field(default_factory=dict)
    is_live: bool = True
    changes: int = 0

    def opted_out_of(self, number: str) -> dict[str, OptOut]:
        """The opt-outs of a number, by contact."""
        return {by: each for (of, by), each in self.opt_outs.items() if of == number}

    def is_refused(self, number: str) -> bool:
        return number in self.suppressed or bool(self.opted_out_of(number))

    def may_claim(self, person: Person) -> bool:
        """Whether what an unverified person says about this number counts."""
        is_out_for_sure = person.said is not None and not person.said.is_in and person.said.by != By.UNVERIFIED
        is_open = not (person.is_closed or self.is_gdpr_off(person.number))
        return is_open and not is_out_for_sure and not self.is_refused(person.number)

    def is_gdpr_off(self, number: str) -> bool:
        return any(each.number == number and each.is_gdpr_off for each in self.people.values())

    def must_refuse(self, person: Person, number: str, at: datetime, *, has_note: bool) -> bool:
        """Whether an opt-in that an API client reports for this number and time may not be recorded."""
        opt_outs = self.opted_out_of(number).values()
        is_outdated = any(each.at > at for each in opt_outs) or (person.said is not None and person.said.at > at)
        own = [person.said.by] if person.said is not None and person.is_out else []
        is_by_person = any(by != By.CLIENT for by in [*own, *(each.by for each in opt_outs)])
        is_stopped = person.is_closed or number in self.suppressed or not self.is_live
        return is_outdated or is_stopped or (is_by_person and not has_note)

    def reachable(self) -> set[str]:
        return {
            key
            for key, each in self.people.items()
            if self.is_live
            and not (each.is_archived or each.is_closed)
            and each.is_in(each.number)
            and not self.is_refused(each.number)
        }

    def opt_in(
        self, key: str, *, by: By = By.PERSON, is_for_everyone: bool = False, at: datetime | None = None
    ) -> int | None:
        """The serial number of the change; null when nothing changed.

        :param at: the reported time, if it was earlier; it counts for the number that the contact had then
        """
        person = self.people[key]
        number = person.number if at is None else person.number_at(at)
        if person.is_in(number):
            return None
        revoked = {each for each in self.opted_out_of(number) if is_for_everyone or each == key}
        own = {number: self.opt_outs[number, key]} if key in revoked else {}
        for each in revoked:
            del self.opt_outs[number, each]
        serial = self._next_serial()
        person.before[serial] = (person.said, own)
        person.said = Said(True, number, at or self.at, by, serial)
        return serial

    def claim(self, key: str) -> int | None:
        return self.opt_in(key, by=By.UNVERIFIED) if self.may_claim(self.people[key]) else None

    def opt_out(self, key: str, by: By = By.PERSON) -> None:
        person, said = self.people[key], self.people[key].said
        if by == By.UNVERIFIED:
            if not person.is_out:
                person.said = Said(False, person.number, self.at, by, self._next_serial())
            return
        if said is not None and not said.is_in and by == By.CLIENT:  # what was said before keeps its evidence
            self._add_opt_out(person.number, key, OptOut(self.at, said.by, said.serial))
            person.said = replace(said, at=self.at)
            return
        serial = self._next_serial()
        for number in {person.number} | ({said.number} if said is not None and said.is_in else set()):
            self._add_opt_out(number, key, OptOut(self.at, by, serial))
        person.said = Said(False, person.number, self.at, by, serial)

    def undo(self, key: str, serial: int, by: By) -> None:
        """Take an opt-in back: the state before it holds again."""
        person = self.people.get(key)
        if person is None or person.said is None or not person.said.is_in or person.said.serial != serial:
            return
        said, revoked = person.before[serial]
        person.said = replace(said, at=self.at, by=by, serial=self._next_serial()) if said is not None else None
        for number, each in revoked.items():
            self._add_opt_out(number, key, replace(each, at=self.at))
        if person.said is not None and person.is_out and by != By.UNVERIFIED:
            self._add_opt_out(person.said.number, key, OptOut(self.at, by, person.said.serial))

    def withdraw(self, key: str, serial: int | None) -> None:
        """Someone who proved nothing takes back what their own answer recorded."""
        person = self.people.get(key)
        if person is not None and person.said is not None and person.said.is_in and person.said.serial == serial:
            self.opt_out(key, By.UNVERIFIED)

    def suppress(self, number: str, cause: str) -> None:
        """A stronger cause replaces a weaker one."""
        if number not in self.suppressed or _STRENGTH[self.suppressed[number]] < _STRENGTH[cause]:
            self.suppressed[number] = cause

    def stop_texts(self, key: str, by: By) -> None:
        """What a known person stops, only that person starts again; a stranger only opts their own contact out."""
        if by != By.UNVERIFIED:
            self.suppress(self.people[key].number, "preference_center")
        if self.is_live or self.people[key].said is not None:
            self.opt_out(key, by)

    def change_number(self, key: str, number: str) -> None:
        person = self.people[key]
        if number != person.number:
            person.numbers.append((self.at, number))
            self.forget_lead(key)

    def merge(self, source: str, target: str) -> None:
        ended, stays = self.people.pop(source), self.people[target]
        stays.is_blocked |= ended.is_blocked
        stays.is_gdpr_off |= ended.is_gdpr_off
        stays.has_address |= ended.has_address
        stays.left_news |= ended.left_news
        stays.user_id = stays.user_id or ended.user_id
        moved = {number: each for (number, by), each in self.opt_outs.items() if by == source}
        for number, each in sorted(moved.items(), key=lambda item: item[1].serial):
            del self.opt_outs[number, source]
            self._add_opt_out(number, target, each)
        if ended.is_out and ended.said is not None:
            self.opt_out(target, ended.said.by)
        elif stays.said is None and ended.is_in(stays.number) and self.may_claim(stays):
            self.opt_in(target)
        for number, each in sorted(moved.items(), key=lambda item: item[1].serial):
            if stays.said is None or stays.number == number:
                self.opt_out(target, each.by)
        self.forget_lead(source)

    def forget_lead(self, key: str) -> None:
        self.leads = {number: lead for number, lead in self.leads.items() if lead != key}

    def _add_opt_out(self, number: str, key: str, new: OptOut) -> None:
        """A client's own opt-out does not replace the person's, but it is as new."""
        before = self.opt_outs.get((number, key))
        if before is not None and new.by == By.CLIENT:
            new = replace(before, at=max(before.at, new.at))
        self.opt_outs[number, key] = new if before is None else replace(new, at=max(before.at, new.at))

    def _next_serial(self) -> int:
        self.changes += 1
        return self.changes
