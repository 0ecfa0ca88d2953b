"""Checks one page that was fetched without a browser: its snippets, its user object, and what its headers forbid."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock, origins, public_urls
from app.core.site import check_words, integration_check, page_html, page_object, snippets
from app.core.site.content_policy import ContentPolicy
from app.core.site.integration_check import Check, Outcome, Result
from app.core.site.page_html import PageHtml, Script
from app.core.site.page_object import FoundObject
from app.core.site.sample_rows import PageSamples
from app.core.workspace import settings
from app.models import OptInForm

# The options that hold the key of each script, in the element and in its address.
_SCRIPTS = {public_urls.SITE_SCRIPT: "key", public_urls.MESSENGER_SCRIPT: "key", public_urls.EMBED_SCRIPT: "form"}
_TAG_MANAGERS = ("googletagmanager.com", "tagcommander.com", "tealiumiq.com", "adobedtm.com", "ensighten.com")
_INSIDER = "useinsider.com"
_CHECKED = (Check.OBJECT, Check.SOURCE, Check.PROPERTIES, Check.TYPES, Check.NUMBER, Check.USER_ID)
_OPEN_IT = "Open the page in a browser and look at Website in Assent."


@dataclass(frozen=True)
class Ours:
    """What the page should have: the address of this server, its keys, and the origins that may use it."""

    public_url: str
    key: str
    form_keys: frozenset[str]
    origins: frozenset[str]


@dataclass(frozen=True)
class Fetched:
    """A response. The names of ``headers`` are lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    html: str


@dataclass(frozen=True)
class Line:
    """One result for a person. ``code`` is what to paste; it may be empty."""

    outcome: Outcome
    text: str
    code: str = ""


@dataclass(frozen=True)
class _Page:
    """The page as it was read, with what the rules ask about."""

    fetched: Fetched
    ours: Ours
    origin: str
    html: PageHtml
    policy: ContentPolicy
    found: FoundObject


def ours(session: Session, public_url: str) -> Ours:
    """What pages of this workspace should have."""
    keys = frozenset(session.scalars(select(OptInForm.key)))
    allowed = frozenset(snippets.allowed_origins(session))
    return Ours(public_url, settings.get(session).messenger_key, keys, allowed)


def check(fetched: Fetched, ours: Ours) -> list[Line]:
    """Everything that can be said about the page. Without HTML that is one line."""
    if fetched.status >= 300 or "html" not in fetched.headers.get("content-type", "html"):
        return [_wrong(f"The page answers with {fetched.status} and no HTML that could be checked.")]
    html = page_html.read(fetched.html)
    origin = origins.of(fetched.url) or ""
    policies = [*html.policies, fetched.headers.get("content-security-policy", "")]
    policy, found = ContentPolicy.read(policies, origin), page_object.find(html.scripts)
    page = _Page(fetched, ours, origin, html, policy, found)
    rules = (_of_response, _of_snippets, _of_policy, _of_object, _of_insider)
    return [line for rule in rules for line in rule(page)]


def _of_response(page: _Page) -> Iterator[Line]:
    yield _right(f"The page answers with {page.fetched.status}.")
    if page.html.is_cut:
        yield _unknown("The HTML takes too long to read; its end was not checked.")
    if page.origin in {*page.ours.origins, origins.of(page.ours.public_url)}:
        yield _right(f"{page.origin} is allowed.")
    else:
        yield _wrong(f"{page.origin} is not allowed. If it is yours, allow it on the page Website.")
    if page.origin.startswith("https:") and page.ours.public_url.startswith("http:"):
        yield _wrong("The page uses HTTPS and this server HTTP, which browsers block. Set ASSENT_PUBLIC_URL to HTTPS.")


def _of_snippets(page: _Page) -> Iterator[Line]:
    found = [each for script in page.html.scripts for each in _snippet(page, script)]
    yield from found
    if found:
        return
    inline = " ".join(script.text for script in page.html.scripts)
    if any(page.ours.public_url + path in inline for path in _SCRIPTS):
        yield _unknown(f"A script of the page loads the snippet. {_OPEN_IT}")
    elif any(name in f"{script.src} {script.text}" for name in _TAG_MANAGERS for script in page.html.scripts):
        yield _unknown(f"No snippet is in the HTML. A tag manager may add it. {_OPEN_IT}")
    else:
        snippet = (
            f'<script src="{page.ours.public_url}{public_urls.SITE_SCRIPT}" data-key="{page.ours.key}" async></script>'
        )
        yield Line(Outcome.WRONG, "No snippet is in the HTML. Add it after the user object.", snippet)


def _snippet(page: _Page, script: Script) -> Iterator[Line]:
    """What is to be said of a script, if it is one of ours."""
    url = origins.joined(page.fetched.url, script.src)
    address = urlsplit(url)
    if not script.src or (option := _SCRIPTS.get(address.path)) is None:
        return
    name, given = address.path.removeprefix("/"), script.attributes.get(f"data-{option}")
    key = given or next(iter(parse_qs(address.query).get(option, [])), "")
    if origins.of(url) != origins.of(page.ours.public_url):
        if key:
            yield _wrong(f"{name} comes from {address.netloc}, which is not this server. Copy the snippet again.")
        return
    known = page.ours.form_keys if option == "form" else {page.ours.key}
    if not key:
        yield _wrong(f"{name} has no key. Add data-{option}, or ?{option}= for tag managers.")
    elif key not in known:
        yield _wrong(f"{name} has a key that does not exist here. Copy the snippet again.")
    else:
        yield _right(f"{name} is there, with a key of this workspace.")


def _of_policy(page: _Page) -> Iterator[Line]:
    if not page.policy.policies:
        yield _right("No Content-Security-Policy limits the snippets.")
        return
    server = page.ours.public_url
    scripts = {urlsplit(url).path: (url, script) for script in page.html.scripts if (url := _ours(page, script))}
    if not scripts:
        scripts = {public_urls.SITE_SCRIPT: (server + public_urls.SITE_SCRIPT, Script("", {}))}
    blocked = [
        _blocked("script-src", server)
        for url, script in scripts.values()
        if not page.policy.allows_script(url, script.attributes.get("nonce", ""))
    ]
    if not page.policy.allows("connect-src", f"{server}{public_urls.SITE}/collect"):
        blocked.append(_blocked("connect-src", server))
    has_frames = {public_urls.MESSENGER_SCRIPT, public_urls.EMBED_SCRIPT} & scripts.keys()
    if has_frames and not page.policy.allows("frame-src", f"{server}/"):
        blocked.append(_blocked("frame-src", server))
    script = page.found.script
    if script and not page.policy.allows_inline(script.text, script.attributes.get("nonce", "")):
        blocked.append(
            _wrong("The Content-Security-Policy blocks the inline script with the user object. Give it a nonce.")
        )
    yield from dict.fromkeys(blocked) or [_right("The Content-Security-Policy lets the snippets work.")]


def _of_object(page: _Page) -> Iterator[Line]:
    found = page.found
    if not found.source:
        yield _unknown(f"No inline script sets insider_object or InsiderQueue. {_OPEN_IT}")
        return
    if found.user is None and found.source != "both":
        yield _unknown(f"{found.source} is set by a script, with values that only a browser knows. {_OPEN_IT}")
        return
    at, sample = clock.now(), found.sample(page.origin)
    for result in integration_check.check(PageSamples(page.origin, "/", None, sample, 1, at, at), is_allowed=True):
        if result.check in _CHECKED:
            yield from _of_result(result)
    if found.computed:
        yield _unknown(f"{', '.join(found.computed)}: set by a script. {_OPEN_IT}")


def _of_result(result: Result) -> Iterator[Line]:
    if result.outcome == Outcome.RIGHT:
        yield _right(f"{check_words.CHECKS[result.check]}.")
    for code in result.codes:
        words = check_words.words_for(code)
        yield Line(result.outcome, str(words), words.code)


def _of_insider(page: _Page) -> Iterator[Line]:
    """Insider reads its object only where it is defined before its tag."""
    scripts = page.html.scripts
    tag = next((index for index, script in enumerate(scripts) if _INSIDER in script.src), None)
    if tag is None or page.found.script is None:
        return
    if any(script is page.found.script for script in scripts[:tag]):
        yield _right("The user object is defined before Insider’s tag.")
    else:
        yield _wrong("The user object is defined after Insider’s tag, which then does not read it. Move it up.")


def _ours(page: _Page, script: Script) -> str | None:
    """The URL of one of our scripts; null for any other."""
    url = origins.joined(page.fetched.url, script.src) if script.src else ""
    is_ours = urlsplit(url).path in _SCRIPTS and origins.of(url) == origins.of(page.ours.public_url)
    return url if is_ours else None


def _blocked(directive: str, server: str) -> Line:
    return Line(Outcome.WRONG, f"The Content-Security-Policy blocks the snippets. Add this to {directive}:", server)


def _right(text: str) -> Line:
    return Line(Outcome.RIGHT, text)


def _wrong(text: str) -> Line:
    return Line(Outcome.WRONG, text)


def _unknown(text: str) -> Line:
    return Line(Outcome.NOT_SEEN, text)
