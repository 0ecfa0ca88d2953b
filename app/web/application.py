"""The class of every Flask application here: the main one, and those mounted beside it."""

from collections.abc import Callable
from typing import Any

from flask import Flask


class Application(Flask):
    """Flask, without the question for each hook and view of each request whether it is a coroutine: none of them is."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func
