"""Why deliveries fail, as sentences that pages translate. They are stored in English, as the API shows them."""

import re

from app.core.wording import translatable

ASSENT_FAILED = translatable("Assent failed to make the request; see its log.")
NEVER_SENT = translatable("It was never sent: the endpoint failed or was disabled until the time was over.")
# What app/http_client says, which knows no catalogs. A test holds the two equal.
SENTENCES = (
    ASSENT_FAILED,
    NEVER_SENT,
    translatable("No answer within %(seconds)s seconds."),
    translatable("No encrypted connection could be made."),
    translatable("That is not a web address."),
    translatable("The address has a space or a control character in it."),
    translatable("The address is longer than %(most)s characters."),
    translatable("The address must not have a sign-in in it."),
    translatable("The response was not HTTP, or it broke off."),
    translatable("The certificate cannot be trusted: %(reason)s."),
    translatable("The connection broke before the answer was complete."),
    translatable("The connection was closed without an answer."),
    translatable("The connection was refused."),
    translatable("The name cannot be resolved."),
    translatable("The name could not be resolved within %(seconds)s seconds."),
    translatable("The host name resolves to an address that cannot be used."),
    translatable("The host name resolves to no address."),
    translatable("The server cannot be reached."),
    translatable("The server could not be reached in time."),
    translatable("This address is private or reserved; nothing is sent to it."),
    translatable("This host name is the server itself."),
    translatable("Write a web address that begins with https://."),
)
_VALUE = re.compile(r"%\\\((\w+)\\\)s")
_PATTERNS = {each: re.compile(_VALUE.sub(r"(?P<\1>.+)", re.escape(each))) for each in SENTENCES}


def read(problem: str) -> tuple[str, dict[str, str]]:
    """The sentence of ``SENTENCES`` that a stored problem was made from, and the values in it.

    A problem that an earlier version stored in other words is returned as it is, without values.
    """
    for sentence, pattern in _PATTERNS.items():
        if found := pattern.fullmatch(problem):
            return sentence, found.groupdict()
    return problem, {}
