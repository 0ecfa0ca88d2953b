"""The messenger: the panel's page, in an iframe on allowed sites, and the API that it speaks to. No cookie."""

from app.web.messenger.api import blueprint as api_blueprint
from app.web.messenger.frame import blueprint

__all__ = ["api_blueprint", "blueprint"]
