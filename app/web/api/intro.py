"""What the description says of the API as a whole. Markdown."""

INTRODUCTION = """\
Everything below `/api` takes and answers JSON. Intercom's clients work against it as they are; what is ours stands
beside what is theirs, never instead.

**Tokens.** Send `Authorization: Bearer <token>`. An admin makes tokens on the page *API tokens*, or
`assent token create NAME` prints one. HTTP Basic works, too, with the token as user name and an empty password. Scopes:
`read` for looking, `write` for changing, `admin` for the calls that say that they need it; each holds the ones before
it.

**Errors.** Every error is `{"type": "error.list", "request_id": …, "errors": [{"code", "message", "field"}]}`. Decide
by `code`; `message` is for people. `request_id` is in our log, and in the header `X-Request-Id` of every answer.

**Ids** are texts; numbers are taken too. Null where it means nothing is the same as leaving out; a change of an object
of ours refuses it. **Times** are Unix seconds. A whole number may be written with a decimal point (`1577836800.0`).

**Fields.** Later versions add fields to what is answered; ignore those that you do not know. A field that is answered,
but cannot be set, may be sent back as it was read; with another value it is refused (`immutable_field`).

**Pages.** `per_page` is at most 150. Take `pages.next.starting_after` as it is and send it back; it is left out on the
last page. A cursor stays right while rows are added. `total_count` stops at 10,000 (`total_count_is_minimum`).

**The same call twice.** Any POST may carry an `Idempotency-Key`: within 24 hours the same call with the same key does
nothing again, and is answered alike, with `Idempotent-Replayed: true`. The key with another call: 409
`idempotency_conflict`.

**Limits.** Each token may make as many calls a minute as the settings say, metered in windows of ten seconds. Beyond
it: 429, with `Retry-After`.

**The query language.** `{"field", "operator", "value"}`, or `{"operator": "AND", "value": [filters and groups]}` (or
`OR`), two groups deep, at most 15 parts each. Texts take `=` `!=` `IN` `NIN` `~` `!~` `^` `$`, dates `=` `<` `>` (by
calendar days in the workspace's time zone), true and false `=` `!=`; custom attributes (`custom_attributes.plan`) take
all of them, numbers `<` `>` `<=` `>=` too. Ours is `subscription_types.{id}` with `=` `!=` `IN` `NIN` and the values
`opted_in`, `opted_out`, `never_asked`, `subscribed` (they get it, by what they said) and `reachable` (it could be sent
right now). Archived contacts are left out, unless the query, or a segment in it, asks about `archived`.

**Codes.** These are all that an error may carry:
"""
