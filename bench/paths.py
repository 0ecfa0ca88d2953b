"""The paths that are measured, with the floor that each is compared to and the goals that it must reach."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from bench.api_calls import WRITING, ApiCalls
from bench.forms import Forms
from bench.load import Request
from bench.messenger import Chats
from bench.servers import Place

# From the address of the server that is measured (nothing for a floor) and the seconds of the run.
Requests = Callable[[str | None, int], Iterator[Request]]
# A bare Flask app that writes the same rows by plain SQL; the API has a separate one.
FLOOR, API_FLOOR = "bench.floor:create_app", "bench.api_floor:create_app"
# A small program for the same purpose with three rows, and all requests from one client address.
LEAN_FLOOR = "bench.lean_floor:create_app"
# Assent itself, with the same requests from as many client addresses.
SPREAD = "spread"
P99_MOST = 1.5
CONTACTS = 100_000  # in the workspace that the API is measured over


@dataclass(frozen=True)
class Path:
    """One thing that is measured.

    :param floor: the application that it is compared with, or ``SPREAD``
    :param least_rate: the goal for the throughput as a share of the floor's; nothing where there is none
    :param most_p99: the goal for the p99 in times of the floor's; nothing where there is none
    :param once: each request can be sent once only
    :param spread: the same requests, each from another client address
    """

    name: str
    floor: str
    requests: Requests
    warming: Requests
    least_rate: float | None
    most_p99: float | None = P99_MOST
    once: bool = False
    spread: Requests | None = None


WEB_NAMES = ("form-get", "answer", "message", "poll", "poll-news", "answer-one-address")
API_NAMES = ("find", "attach", "phone =", "phone ^", "by state")
LEAN_WEB_NAMES = ("lean-form-get", "lean-answer")
LEAN_API_NAMES = ("lean-attach", "attach-one-address")
NAMES = (*WEB_NAMES, *API_NAMES, *LEAN_WEB_NAMES, *LEAN_API_NAMES)
Group = Callable[[Place, int], Iterable[Path]]


def web_paths(place: Place, _runs: int) -> list[Path]:
    """Forms and messenger, on one database."""
    forms, chats = Forms(place), Chats(place)
    get, poll = forms.gets, chats.idle_polls
    return [
        Path("form-get", FLOOR, get, get, 0.6),
        Path("answer", FLOOR, forms.answers, get, 0.6),
        Path("message", FLOOR, chats.messages, poll, 0.65),
        Path("poll", FLOOR, poll, poll, 0.8),
        Path("poll-news", FLOOR, chats.polls_with_news, poll, 0.5),
        Path("answer-one-address", SPREAD, forms.answers_from_one_address, get, 0.8, None, spread=forms.answers),
        Path("lean-form-get", LEAN_FLOOR, get, get, None, None),
        Path("lean-answer", LEAN_FLOOR, forms.answers_from_one_address, get, 0.5, None),
    ]


def api_paths(place: Place, runs: int) -> list[Path]:
    """The API, on a database with many contacts."""
    calls = ApiCalls(place, CONTACTS, runs=3 * 2 * runs)
    find, attach = calls.of("find"), calls.of("attach")
    goals = {"find": 0.45, "attach": 0.55, "phone =": 0.4, "phone ^": 0.4, "by state": 0.4}
    return [
        *(Path(name, API_FLOOR, calls.of(name), find, goals[name], once=name in WRITING) for name in API_NAMES),
        Path("lean-attach", LEAN_FLOOR, attach, _lean_warming(find), 0.6, None, once=True),
        Path("attach-one-address", SPREAD, attach, find, 0.8, None, once=True, spread=_spread(attach)),
    ]


def _spread(requests: Requests) -> Requests:
    """The same requests, each from another client address."""

    def spread(address: str | None, seconds: int) -> Iterator[Request]:
        for serial, request in enumerate(requests(address, seconds)):
            yield replace(request, address=f"10.{serial >> 16 & 255}.{serial >> 8 & 255}.{serial & 255}")

    return spread


def _lean_warming(find: Requests) -> Requests:
    """What warms a server up before the lean attach: the lean floor has no API call that reads, but a form."""

    def warming(address: str | None, seconds: int) -> Iterator[Request]:
        return find(address, seconds) if address else iter([Request("/f/form/any")])

    return warming


GROUPS: tuple[tuple[frozenset[str], Group], ...] = (
    (frozenset((*WEB_NAMES, *LEAN_WEB_NAMES)), web_paths),
    (frozenset((*API_NAMES, *LEAN_API_NAMES)), api_paths),
)
