"""What happens before a request reaches its view: its body is read, then it takes a working slot.

A body may arrive slowly, and nothing can interrupt the thread that reads it. Such a thread holds no slot, no connection
and no lock. ``web/server.py`` says how many of them there may be.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from flask import Flask, Request, current_app
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, RequestEntityTooLarge, ServiceUnavailable

from app import logs
from app.core.errors import InvalidInput
from app.core.rate_limits import address_bucket
from app.core.wording import translatable
from app.db import ConnectionLost, DatabaseBusy, QueryTooSlow, WriteLockTimeout
from app.web import hosts
from app.web.current import current_globals, current_request
from app.web.security import client_address
from app.web.services import services_of
from app.web.working_slots import WorkingSlots

_log = logs.get_logger()
# How long a request waits for a slot, and how long its client should wait before it tries again.
WAIT_S, RETRY_AFTER_S = 2.0, 2
# How many bodies of one address may be on their way to one process.
BODIES_OF_ONE_ADDRESS = 256
_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
_EXTENSION = "assent.arriving_bodies"
# How much of a body that is too large is read to its end; of a larger one nothing.
DISCARDED_MAX = 16_000_000
# In the config of an application: endpoints that read larger bodies than the others, with the bytes.
LARGER_BODIES = "LARGER_BODIES"
_Answer = HTTPException | ResponseReturnValue
_BUSY = translatable("The server is busy. Please try again in a moment.")
_DATABASE_BUSY: Mapping[type[DatabaseBusy], str] = {
    WriteLockTimeout: translatable("Another change takes too long. Please try again."),
    QueryTooSlow: translatable("This query took too long, so it was stopped. Use fewer or narrower filters."),
    ConnectionLost: _BUSY,
}


class ArrivingBodies:
    """Counts the bodies that are on their way, by the address that sends them."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def one_of(self, address: str) -> Iterator[bool]:
        """Count one inside the block; false where the address sends too many already."""
        with self._lock:
            self._counts[address] += 1
            is_allowed = self._counts[address] <= BODIES_OF_ONE_ADDRESS
        try:
            yield is_allowed
        finally:
            with self._lock:
                self._counts[address] -= 1
                if not self._counts[address]:
                    del self._counts[address]


def init_app(app: Flask, main: Flask) -> None:
    """Admit every request of an application. Call it before other hooks that read a body or the database.

    :param main: the main application; all share its count of bodies
    """
    app.extensions[_EXTENSION] = main.extensions.setdefault(_EXTENSION, ArrivingBodies())
    slots = services_of(app).slots
    app.before_request(hosts.refuse_unreadable)
    app.before_request(partial(_admit, app, slots))
    app.teardown_request(partial(_leave, slots))
    app.register_error_handler(DatabaseBusy, _refuse_busy)
    app.register_error_handler(OperationalError, _refuse_unreachable)
    app.handle_user_exception = partial(_handle, app.handle_user_exception)  # type: ignore[method-assign]


def too_large() -> InvalidInput:
    """What a page says about a body that is too large, instead of 413 alone."""
    most = current_request().max_content_length or 0
    return InvalidInput(
        "What you sent is larger than %(most)s kB. Go back, and shorten the text or choose a smaller file.",
        most=most // 1000,
    )


def _handle(handle: Callable[[Exception], _Answer], error: Exception) -> _Answer:
    """Answer an error. Pages of errors ask the database, too: where it is away or busy, that is what is answered."""
    try:
        return handle(error)
    except (DatabaseBusy, OperationalError) as problem:
        if problem is error:
            raise
        return handle(problem)


def _admit(app: Flask, slots: WorkingSlots) -> None:
    """Note the client's address, read the body, then take a slot. ``/healthz`` answers without one.

    :raises BadRequest: the request names no host, or holds a NUL character
    :raises RequestEntityTooLarge: its body is larger than the application reads
    :raises ServiceUnavailable: no slot came free in time, or the address sends too many bodies
    """
    request = current_request()
    environ = request.environ
    address = current_globals().client_address = client_address(request)
    if not environ.get("HTTP_HOST"):
        raise BadRequest("The header Host is missing.")
    has_body = environ.get("CONTENT_LENGTH", "0") not in {"", "0"} or "HTTP_TRANSFER_ENCODING" in environ
    if has_body:
        _read_body(app, request, address or "")
    _refuse_nul(app, request, has_body=has_body)
    if request.endpoint != "healthz" and not slots.take(timeout_s=WAIT_S):
        raise ServiceUnavailable(_BUSY, retry_after=RETRY_AFTER_S)


def _read_body(app: Flask, request: Request, address: str) -> None:
    bodies: ArrivingBodies = app.extensions[_EXTENSION]
    if (size_max := app.config.get(LARGER_BODIES, {}).get(request.endpoint)) is not None:
        request.max_content_length = size_max
    with bodies.one_of(address_bucket(address)) as is_allowed:
        if not is_allowed:
            raise ServiceUnavailable(_BUSY, retry_after=RETRY_AFTER_S)
        # Granian ends the body of a chunked request, but does not say so; werkzeug would take it for empty.
        request.environ["wsgi.input_terminated"] = True
        if not _has_allowed_size(request):
            _discard_body(request)
            raise RequestEntityTooLarge


def _has_allowed_size(request: Request) -> bool:
    """Read the body, unless it is too large."""
    try:
        size_bytes = len(request.get_data())
    except RequestEntityTooLarge:
        return False
    # A body without a length is read up to the limit only, and werkzeug does not say whether there is more.
    return request.content_length is not None or size_bytes < (request.max_content_length or 0)


def _discard_body(request: Request) -> None:
    """Read what is left of a body that is too large. A client that still sends would see a reset, not the answer."""
    if (request.content_length or 0) <= DISCARDED_MAX:
        left = DISCARDED_MAX
        while left > 0 and (part := request.environ["wsgi.input"].read(min(left, 65_536))):
            left -= len(part)


def _refuse_nul(app: Flask, request: Request, *, has_body: bool) -> None:
    """No browser and no client sends NUL in an address or a form. Files and JSON are looked at where they are read.

    An application whose config has ``MAY_READ_NUL`` takes it out itself.

    :raises NotFound: the path holds one, so nothing has this address
    :raises BadRequest: the query or a field of the form holds one
    """
    if "\0" in request.environ["PATH_INFO"]:
        raise NotFound
    if app.config.get("MAY_READ_NUL"):
        return
    fields = _fields(request) if has_body else ()
    if "%00" in request.environ.get("QUERY_STRING", "") or any("\0" in name + text for name, text in fields):
        raise BadRequest("The request holds a NUL character.")


def _fields(request: Request) -> Iterable[tuple[str, str]]:
    """The fields of the form, where one was sent that could hold a NUL."""
    if request.mimetype not in _FORMS:
        return ()
    data = request.get_data()
    return request.form.items(multi=True) if b"%00" in data or b"\0" in data else ()


def _leave(slots: WorkingSlots, _problem: BaseException | None) -> None:
    slots.give_back()


def _refuse_busy(error: DatabaseBusy) -> ResponseReturnValue:
    """503 in the words and the format of the application."""
    return _unavailable(_DATABASE_BUSY[type(error)], error.retry_after_s)


def _refuse_unreachable(error: OperationalError) -> ResponseReturnValue:
    """503 where no connection to the database can be made. Any other error is unexpected.

    :raises OperationalError: a statement failed, or a connection broke while a transaction was committed
    """
    if error.statement is not None or error.connection_invalidated:
        raise error
    _log.error("the database cannot be reached", problem=str(error.orig))
    return _unavailable(_BUSY, RETRY_AFTER_S)


def _unavailable(sentence: str, retry_after_s: int) -> ResponseReturnValue:
    response: ResponseReturnValue = current_app.handle_http_exception(
        ServiceUnavailable(sentence, retry_after=retry_after_s)
    )
    return response
