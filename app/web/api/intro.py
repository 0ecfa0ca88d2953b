"""What the description says of the API as a whole. Markdown."""

INTRODUCTION = """\
Every call below `/api` takes and returns JSON. Intercom's clients work unchanged: where Intercom has a call, Assent
answers in the same shape and adds its own fields.

**Tokens.** Send `Authorization: Bearer <token>`. An admin creates tokens on the page *API tokens*, or with
`assent token create NAME`. HTTP Basic also works: the token is the user name, and the password is empty. The scopes are
`read`, `write` and `admin`; each includes the ones before it.

**Errors.** Every error is `{"type": "error.list", "request_id": …, "errors": [{"code", "message", "field"}]}`. Programs
use `code`; `message` is for people. `request_id` is in the server's log, and in the header `X-Request-Id` of every
response.

**Ids** are strings; integers are accepted, too. In Intercom's calls, null means the same as leaving a field out, unless
the call says otherwise; in a change of an object that only Assent has, null is refused. **Times** are Unix seconds. A
whole number may be written with a decimal point (`1577836800.0`).

**Fields.** Later versions add fields to responses; ignore fields that you do not know. A field that is in responses and
cannot be set may be sent back unchanged; another value is refused (`immutable_field`).

**Pages.** `per_page` is at most 150. Send the value of `pages.next.starting_after` to get the next page; it is missing
on the last page. A cursor stays valid while rows are added. `total_count` stops at 10,000 (`total_count_is_minimum`).

**Repeated calls.** Any POST may carry an `Idempotency-Key`. Within 24 hours the same call with the same key changes
nothing and gets the same response, with the header `Idempotent-Replayed: true`. The same key with another call is 409
`idempotency_conflict`.

**Limits.** The settings limit how many calls a token may make each minute, counted in windows of ten seconds. More is
429, with `Retry-After`.

**The query language.** `{"field", "operator", "value"}`, or `{"operator": "AND", "value": [filters and groups]}` (or
`OR`), two groups deep, at most 15 parts each. Texts take `=` `!=` `IN` `NIN` `~` `!~` `^` `$`, dates `=` `<` `>` (by
calendar days in the workspace's time zone), true and false `=` `!=`. Custom attributes (`custom_attributes.plan`) take
all of these, numbers also `<` `>` `<=` `>=`. Assent adds `subscription_types.{id}` with `=` `!=` `IN` `NIN` and the
values `opted_in`, `opted_out`, `never_asked`, `subscribed` (by what they said) and `reachable` (a text could be sent
now). Archived contacts are left out, unless the query, or a segment in it, asks for `archived`.

**Codes.** An error has one of these codes:
"""
