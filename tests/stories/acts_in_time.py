"""What happens between the acts of people: sealing, new signing keys, years that pass, and STOP by text."""

from datetime import UTC, datetime, timedelta

from app.core.consent import suppressions
from app.core.contacts import retention
from app.core.ledger import signing_keys
from app.models import SuppressionCause
from tests.stories.world import World
from tests.web import pages


class ActsInTime(World):
    """``has_waited``: the years of the retention passed, which they do once."""

    has_waited = False

    def do_seal(self, _key: str) -> None:
        self.verify()

    def do_rotate_the_signing_key(self, _key: str) -> None:
        with self.database.unit_of_work() as session:
            signing_keys.rotate(session)

    def do_text_stop(self, key: str) -> None:
        """What the inbound text does; only START lifts it again."""
        if self.random.random() < 0.3:
            number, cause = self.model.people[key].number, SuppressionCause.KEYWORD
            with self.database.unit_of_work() as session:
                suppressions.suppress(session, number, cause, "", actor="contact", at=self.model.at)
            self.model.suppress(number, "keyword")
            self.check_suppressions()

    def do_wait_until_evidence_expires(self, _key: str) -> None:
        """More years than evidence is kept. Pages that were open are too old; consents stay as they are."""
        if self.has_waited or self.random.random() < 0.5:
            return
        self.has_waited = True
        self.clock.shift(timedelta(days=366 * 5))
        self.model.at = datetime.now(UTC)
        self.old_page = self.personal = None
        self.ana = pages.agent(self.app)
        next_id: int | None = 0
        while next_id is not None:
            next_id = retention.erase_some(self.database, next_id, at=self.model.at).next_id
        self.check_suppressions()
