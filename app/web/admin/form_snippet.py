"""The snippet of a form: where on a page the form appears, and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from app.core import public_urls
from app.core.wording import translatable

PLACES = {
    "inline": translatable("Where the snippet is"),
    "corner": translatable("In a corner, over the page"),
    "banner": translatable("Banner at the bottom, over the page"),
}
MOMENTS = {
    "now": translatable("Immediately"),
    "after": translatable("After some seconds"),
    "scroll": translatable("After scrolling down"),
    "exit": translatable("When the pointer leaves the page"),
}
# The unit of the amount, what it is when none is given, and at most.
_AMOUNTS = {"after": (10, 3600), "scroll": (50, 100)}


@dataclass(frozen=True)
class Placement:
    """What the page of a form asked for. ``amount``: seconds, or percent of the page; null where there is none."""

    place: str = "inline"
    moment: str = "now"
    amount: int | None = None

    @classmethod
    def read(cls, asked: Mapping[str, str]) -> "Placement":
        """Read a query. What is unknown is the default; a form in the page appears immediately."""
        place, moment = asked.get("place", ""), asked.get("when", "")
        if place not in PLACES or place == "inline":
            return cls()
        if moment not in _AMOUNTS:
            return cls(place, moment if moment in MOMENTS else "now")
        default, most = _AMOUNTS[moment]
        typed = asked.get("amount", "")
        is_number = typed.isascii() and typed.isdigit() and len(typed) <= 4
        return cls(place, moment, min(int(typed), most) if is_number else default)

    def snippets(self, key: str, *, base: str) -> dict[str, str]:
        """The script for a page, and the one for tag managers, which has its options in its address."""
        options = {} if self.place == "inline" else {"place": self.place}
        if self.moment != "now":
            options[self.moment] = "1" if self.amount is None else str(self.amount)
        address = f"{base}{public_urls.EMBED_SCRIPT}"
        attributes = "".join(f' data-{name}="{value}"' for name, value in {"form": key, **options}.items())
        query = escape(urlencode({"form": key, **options}))
        return {
            "snippet": f'<script src="{address}"{attributes} async></script>',
            "tag_manager_snippet": f'<script src="{address}?{query}" async></script>',
        }
