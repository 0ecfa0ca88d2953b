"""Commands for websites: site check."""

import sys
import zlib
from typing import TYPE_CHECKING

import click

from app import config
from app.cli.database import ready

if TYPE_CHECKING:
    from app.config import Settings
    from app.core.site.page_check import Fetched
    from app.http_client import Response

_BYTES_MAX, _TOTAL_S, _REDIRECTS_MAX = 512_000, 20.0, 5
_HEADERS = {"Accept": "text/html", "Accept-Encoding": "identity", "User-Agent": f"Assent/{config.VERSION} (site check)"}
_WORDS = {"right": "ok", "wrong": "wrong", "doubtful": "check", "not_seen": "unknown"}


@click.group()
def site() -> None:
    """The websites that use Assent."""


@site.command()
@click.argument("url")
def check(url: str) -> None:
    """Fetch the page at URL and check its snippets, its user object and its headers.

    No browser runs: what scripts of the page do is reported as unknown. The command fails when something is wrong.
    A page on this computer needs ASSENT_ALLOW_LOOPBACK=true.
    """
    from app.core.errors import InvalidState
    from app.core.site import page_check
    from app.core.site.integration_check import Outcome

    settings = config.load()
    if not settings.public_url:
        raise InvalidState("Set ASSENT_PUBLIC_URL to the address of this server, which the snippets have.")
    with ready(settings) as database, database.read_only() as session:
        ours = page_check.ours(session, settings.public_url.rstrip("/"))
    lines = page_check.check(_fetch(url, settings), ours)
    for line in lines:
        _print(_WORDS[line.outcome.value], line.text)
        for code in line.code.splitlines():
            _print("", f"  {code}")
    wrong = sum(line.outcome == Outcome.WRONG for line in lines)
    click.echo(f"{wrong} wrong." if wrong else "Nothing is wrong.")
    if wrong:
        sys.exit(1)


def _fetch(url: str, settings: "Settings") -> "Fetched":
    """Fetch a page, and up to five pages that it leads on to.

    :raises InvalidState: there is no response
    """
    from app.core import origins
    from app.core.errors import InvalidState
    from app.core.site.page_check import Fetched
    from app.core.webhooks.endpoints import reach_of
    from app.http_client import Failed, Limits, Refused, request

    limits, reach = Limits(total_s=_TOTAL_S, body_bytes=_BYTES_MAX), reach_of(settings)
    for _ in range(_REDIRECTS_MAX + 1):
        try:
            response = request("GET", url, headers=_HEADERS, limits=limits, reach=reach)
        except (Refused, Failed) as problem:
            if isinstance(problem, Refused) and not settings.allow_loopback:
                click.echo("A page on this computer needs ASSENT_ALLOW_LOOPBACK=true.", err=True)
            raise InvalidState(str(problem)) from None
        headers = {name.lower(): value for name, value in response.headers.items()}
        if response.status not in {301, 302, 303, 307, 308} or "location" not in headers:
            return Fetched(url, response.status, headers, _text(response, headers))
        url = origins.joined(url, headers["location"])
        _print("", f"Redirected to {url}")
    raise InvalidState("The page redirects too often.")


def _print(word: str, text: str) -> None:
    """Parts of a page may be in the text, so nothing in it controls the terminal."""
    click.echo(f"{word:<8} {''.join(char if char.isprintable() else '?' for char in text)}")


def _text(response: "Response", headers: dict[str, str]) -> str:
    body = response.body
    if headers.get("content-encoding", "").lower() in {"gzip", "deflate"}:
        try:
            body = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, _BYTES_MAX)
        except zlib.error:
            body = b""
    charset = headers.get("content-type", "").lower().partition("charset=")[2].strip("\"' ;") or "utf-8"
    try:
        return body.decode(charset, "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


COMMANDS = (site,)
