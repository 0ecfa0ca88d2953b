"""The embed: the opt-in form as people see it, in an iframe or by its link. No cookie, no script needed."""

from app.web.embed.views import blueprint

__all__ = ["blueprint"]
