"""A realistic export of 1,000 people with 60 defects of 12 kinds, made the same way each time."""

import random
from collections.abc import Callable

HEADINGS = [
    *("Email", "Klaviyo ID", "First Name", "Last Name", "Phone Number", "Country", "SMS Marketing Consent"),
    *("SMS Marketing Consent Timestamp", "Plan", "Tags"),
]
ROWS = 1000
EACH = 5
_NAMES = ("Zoë", "José María", "Ana", "Łukasz", "محمد", "李", "O’Brien", "Sam", "Ελένη", "Jürgen")
_LAST_NAMES = (
    "Sailor",
    "de la Cruz",
    "Nowak",
    "الأحمد",
    "Müller-Lüdenscheidt",
    "Smith, Jr.",
    'The "Captain"',
    "Papadopoulou",
)
_NUMBERS = (
    lambda i: ("GB", f"+44740{i:07d}"),
    lambda i: ("GB", f"0740{i % 10} {i:06d}"),
    lambda i: ("AT", f"0664 {1000000 + i}"),
    lambda i: ("Germany", f"+49 151 {10000000 + i}"),
    lambda i: ("US", f"(202) 555-{i:04d}"),
    lambda i: ("FR", f"'+336{10000000 + i}"),
)

Defect = Callable[[list[str], int], list[str]]


def _with(index: int, value: str) -> Defect:
    return lambda row, _i: [*row[:index], value, *row[index + 1 :]]


TWICE = "a person who was there before"
# Each kind of defect, with the reason by which its rows are refused.
DEFECTS: dict[str, tuple[str, Defect]] = {
    "a number in scientific notation": ("number_destroyed", _with(4, "4.479E+11")),
    "a number that became a float": ("number_destroyed", _with(4, "436641234567.0")),
    "a number whose plus is lost": (
        "number_destroyed",
        lambda row, i: [*row[:4], f"90532100000{i}", "GB", *row[6:]],
    ),
    "a number that is two numbers": ("number_ambiguous", lambda row, i: [*row[:4], f"39078132{i}", "Italy", *row[6:]]),
    "no number at all": ("number_invalid", _with(4, "call me")),
    "an address without an at sign": ("email_invalid", _with(0, "sam.example.com")),
    "a date that can be read in two ways": ("date_invalid", _with(7, "03/04/2025")),
    "a date that does not exist": ("date_invalid", _with(7, "2025-02-30")),
    "a row with a cell too many": ("too_many_columns", lambda row, _i: [*row, "more"]),
    "a row that was cut off": ("too_few_columns", lambda row, _i: row[:5]),
    "nobody": ("no_identity", lambda row, _i: ["", "", *row[2:4], "", *row[5:]]),
    TWICE: ("duplicate_in_file", lambda row, _i: row),
}


def rows() -> tuple[list[list[str]], dict[str, list[int]]]:
    """The table, and the numbers of its defective rows by kind of defect, as spreadsheets count them."""
    chance = random.Random(12)
    people = [_person(i, chance) for i in range(ROWS - EACH * len(DEFECTS))]
    table: list[tuple[str, list[str]]] = [("", person) for person in people]
    for kind, (_, spoil) in DEFECTS.items():
        for i in range(EACH):
            person = people[100 * i] if kind == TWICE else _person(ROWS + len(table), chance)
            table.insert(len(table) if kind == TWICE else chance.randrange(len(table)), (kind, spoil(person, i)))
    numbers: dict[str, list[int]] = {kind: [] for kind in DEFECTS}
    for number, (kind, _) in enumerate(table, start=2):
        if kind:
            numbers[kind].append(number)
    return [HEADINGS, *(row for _, row in table)], numbers


def _person(i: int, chance: random.Random) -> list[str]:
    country, number = _NUMBERS[i % len(_NUMBERS)](i)
    consent = chance.choice(["SUBSCRIBED", "SUBSCRIBED", "SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED", "false", ""])
    at = f"202{i % 5}-0{1 + i % 9}-11 10:{i % 60:02d}:00"
    names = [chance.choice(_NAMES), chance.choice(_LAST_NAMES)]
    tags = chance.choice(["", "vip", "vip, harbour"])
    return [
        f"p{i}@example.com",
        f"K{i:05d}",
        *names,
        number,
        country,
        consent,
        at,
        chance.choice(["free", "gold"]),
        tags,
    ]
