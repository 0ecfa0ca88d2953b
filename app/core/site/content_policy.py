"""What a page's Content-Security-Policy lets our scripts do.

Source: W3C, Content Security Policy Level 3, sections 6.7.2 (does a URL match a source list) and 6.8.3 (fallbacks).
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

_FALLBACKS = {
    "script-src": ("script-src-elem", "script-src", "default-src"),
    "connect-src": ("connect-src", "default-src"),
    "frame-src": ("frame-src", "child-src", "default-src"),
}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_POLICIES_MAX = 20


@dataclass(frozen=True)
class ContentPolicy:
    """All policies of a page. Each of them must allow something.

    :param origin: of the page, which ``'self'`` means
    """

    policies: tuple[dict[str, tuple[str, ...]], ...]
    origin: str

    @classmethod
    def read(cls, values: Sequence[str], origin: str) -> "ContentPolicy":
        """Parse headers and ``<meta>`` elements. One value may have several policies, with commas between them."""
        texts = [each for value in values for each in value.split(",") if each.strip()]
        return cls(tuple(_directives(each) for each in texts[:_POLICIES_MAX]), origin)

    def allows_script(self, url: str, nonce: str) -> bool:
        """Whether a script of the page's HTML may be loaded."""
        return all(_allows_script(sources, url, nonce, self.origin) for sources in self._lists("script-src"))

    def allows_inline(self, code: str, nonce: str) -> bool:
        """Whether an inline script runs."""
        return all(_allows_inline(sources, code, nonce) for sources in self._lists("script-src"))

    def allows(self, directive: str, url: str) -> bool:
        """Whether scripts may call a URL (``connect-src``) or show it in a frame (``frame-src``)."""
        return all(_matches_any(sources, url, self.origin) for sources in self._lists(directive))

    def _lists(self, directive: str) -> list[tuple[str, ...]]:
        """The source list of each policy that has one for this."""
        lists = []
        for policy in self.policies:
            name = next((each for each in _FALLBACKS[directive] if each in policy), None)
            if name is not None:
                lists.append(policy[name])
        return lists


def _directives(text: str) -> dict[str, tuple[str, ...]]:
    """The first directive of each name counts."""
    found: dict[str, tuple[str, ...]] = {}
    for part in text.split(";"):
        words = part.split()
        if words:
            found.setdefault(words[0].lower(), tuple(words[1:]))
    return found


def _allows_script(sources: tuple[str, ...], url: str, nonce: str, origin: str) -> bool:
    if nonce and f"'nonce-{nonce}'" in sources:
        return True
    return "'strict-dynamic'" not in sources and _matches_any(sources, url, origin)


def _allows_inline(sources: tuple[str, ...], code: str, nonce: str) -> bool:
    if nonce and f"'nonce-{nonce}'" in sources:
        return True
    hashes = {f"'{name}-{_hashed(name, code)}'" for name in ("sha256", "sha384", "sha512")}
    if hashes.intersection(sources):
        return True
    has_better = any(each.startswith(("'nonce-", "'sha")) or each == "'strict-dynamic'" for each in sources)
    return "'unsafe-inline'" in sources and not has_better


def _hashed(name: str, code: str) -> str:
    return base64.b64encode(hashlib.new(name, code.encode()).digest()).decode()


def _matches_any(sources: tuple[str, ...], url: str, origin: str) -> bool:
    return any(_matches(source, url, origin) for source in sources)


def _matches(source: str, url: str, origin: str) -> bool:
    target = urlsplit(url)
    if source == "*":
        return target.scheme in _DEFAULT_PORTS
    if source == "'self'":
        return f"{target.scheme}://{target.netloc}" == origin
    if source.endswith(":"):
        return _scheme_matches(source[:-1].lower(), target.scheme)
    if source.startswith("'"):
        return False
    scheme, separator, rest = source.partition("://")
    if not separator:
        scheme, rest = urlsplit(origin).scheme, source
    host, slash, path = rest.partition("/")
    is_same_path = (
        not path or target.path == slash + path or (path.endswith("/") and target.path.startswith("/" + path))
    )
    return (
        _scheme_matches(scheme.lower(), target.scheme) and _host_matches(host.lower(), target.netloc) and is_same_path
    )


def _scheme_matches(allowed: str, scheme: str) -> bool:
    return allowed == scheme or (allowed, scheme) == ("http", "https")


def _host_matches(pattern: str, netloc: str) -> bool:
    name, _, port = pattern.partition(":")
    host, _, target_port = netloc.lower().partition(":")
    if port not in ("", "*", target_port) and not (not target_port and port in {"80", "443"}):
        return False
    if not port and target_port:
        return False
    return host.endswith(name[1:]) if name.startswith("*.") else name == host
