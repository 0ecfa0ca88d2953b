"""What the description says of the API as a whole. Markdown."""

INTRODUCTION = """\
Everything below `/api` takes and answers JSON. Intercom's clients work with it unchanged: our fields and calls are
added to Intercom's and replace none of them.

**Tokens.** Send `Authorization: Bearer <token>`. An admin creates tokens on the page *API tokens*, or
`assent token create NAME` prints one. HTTP Basic works, too, with the token as user name and an empty password. Scopes:
`read` to read, `write` to change, `admin` for the calls that say that they need it; each includes those before it.

**Errors.** Every error is `{"type": "error.list", "request_id": …, "errors": [{"code", "message", "field"}]}`. Let your
code depend on `code`; `message` is for people. `request_id` is in our log, and in the header
`X-Request-Id` of every response.

**Ids** are strings; integers are accepted, too. A null that has no meaning counts as a field that is left out; a change
of an object that Intercom does not have refuses it. **Times** are Unix seconds. A whole number may be written with a
decimal point (`1577836800.0`).

**Fields.** Later versions add fields to responses; ignore those that you do not know. A field of a response that cannot
be set may be sent back unchanged; with another value it is refused (`immutable_field`).

**Pages.** `per_page` is at most 150. Send `pages.next.starting_after` back unchanged; it is left out on the last page.
A cursor stays valid while rows are added. `total_count` stops at 10,000 (`total_count_is_minimum`).

**The same call twice.** Any POST may have an `Idempotency-Key`. Within 24 hours the same call with the same key is not
carried out again, and gets the same response, with `Idempotent-Replayed: true`. The same key with another call is 409
`idempotency_conflict`.

**Limits.** The settings say how many calls a minute a token may make, counted in windows of ten seconds. Beyond that it
is 429, with `Retry-After`.

**The query language.** `{"field", "operator", "value"}`, or `{"operator": "AND", "value": [filters and groups]}` (or
`OR`), two groups deep, at most 15 parts each. Text fields take `=` `!=` `IN` `NIN` `~` `!~` `^` `$`, dates `=` `<`
`>` (by calendar days in the workspace's time zone), true and false `=` `!=`; custom attributes
(`custom_attributes.plan`) take all of them, numbers `<` `>` `<=` `>=` too. Ours is `subscription_types.{id}` with `=`
`!=` `IN` `NIN` and the values `opted_in`, `opted_out`, `never_asked`, `subscribed` (by their choice, or by the
default of the type) and `reachable` (it could be sent now). Archived contacts are left out, unless the query, or a
segment in it, asks about `archived`.

**Codes.** An error has one of these:
"""
