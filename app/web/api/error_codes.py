"""Every code that an error may carry, and what it means. Programs decide by them, so one that is here stays."""

from app.core import email, phone
from app.core.consent.rules import Reason

CODES: dict[str, str] = {
    **{each.value: "why a contact is not texted; see `reasons` of its consents" for each in Reason},
    "approval_needed": "the campaign goes to so many people that a second person has to approve it first",
    "bad_request": "the request could not be understood",
    "blocked": "the contact is blocked: its messages are refused, and nothing is sent to it",
    "client_error": "the cursor is not one of this list",
    "conflict": "it exists already",
    "contact_merged": "the contact is part of another one, which the header `Link` names",
    "forbidden": "the token lacks the scope that the call needs",
    "gdpr_optout": "the person wants no messages, and no data to be collected",
    "idempotency_conflict": "the `Idempotency-Key` was used for another call",
    "immutable_field": "this never changes once it is saved",
    "invalid_merge": "these two contacts cannot be merged",
    "invalid_sort_order": "an order is `ascending` or `descending`",
    "invalid_state": "the current state does not allow this step",
    "method_not_allowed": "the address cannot be used with this method; the header `Allow` says with which",
    "no_email": "the contact has no address that this could be for",
    "no_messenger": "the contact is a lead that has no messenger, and would never see a conversation",
    "no_phone": "the contact has no number that this could be for",
    "not_available": "understood, but this cannot be done here",
    "not_found": "there is nothing with this id, or at this address",
    "outcome_unknown": "the connection to the database broke, and the call may have been carried out; with a header "
    "`Retry-After` it is safe to repeat",
    "parameter_invalid": "the value of `field` is refused",
    "parameter_not_found": "`field` is missing",
    "rate_limit_exceeded": "too many calls with this token; the header `Retry-After` says when to go on",
    "request_timeout": "the request took too long to arrive",
    "server_error": "something went wrong on our side, and was noted; try again",
    "service_unavailable": "the server is busy, or a search took too long; `Retry-After` says when to try again",
    "signing_key_lost": "receipts cannot be signed until `assent keys rotate` was run, or a new event was sealed",
    "suppressed": "the number must not be texted; where its holder asked for that, only they can lift it",
    "unauthorized": "no token, or one that is no longer valid",
    **{code: text.rstrip(".") for code, text in (*phone.REFUSALS.items(), *email.REFUSALS.items())},
}


def listed() -> str:
    """All of them as Markdown."""
    return "\n".join(f"- `{code}`: {meaning}" for code, meaning in sorted(CODES.items()))
