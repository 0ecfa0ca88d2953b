"""How every application answers: by plain functions, with responses that the server can send in one piece."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def init_app(app: Flask) -> None:
    """Use whole responses, and call views and hooks as they are.

    None of them is a coroutine. Flask would check each one in every request, which takes 5 % of an empty poll.
    """
    app.response_class = WholeResponse
    app.ensure_sync = lambda func: func  # type: ignore[method-assign]


class WholeResponse(Response):
    """Gives the server a list where the whole body is there, and an iterator where it is made while it is sent.

    Granian sends a list together with the headers. It reads an iterator part by part, and for each part its thread
    gives up the interpreter and waits for it again.
    """

    def get_app_iter(self, environ: "WSGIEnvironment") -> Iterable[bytes]:
        parts = super().get_app_iter(environ)
        # What waits for the end of the response needs the iterator: the server closes it once everything was sent.
        return parts if self._on_close or not self.is_sequence else list(parts)
