"""What this process knows of changes, shared by the polls of the messenger and the inbox."""

from typing import cast

from flask import Flask, current_app

from app.core.conversations.change_cache import ChangeCache
from app.core.messenger.polling import Polls

_CHANGES, _POLLS = "assent.changes", "assent.polls"


def connect(app: Flask) -> None:
    app.extensions[_CHANGES] = known = ChangeCache()
    app.extensions[_POLLS] = Polls(known)


def changes() -> ChangeCache:
    return cast(ChangeCache, current_app.extensions[_CHANGES])


def polls() -> Polls:
    return cast(Polls, current_app.extensions[_POLLS])
