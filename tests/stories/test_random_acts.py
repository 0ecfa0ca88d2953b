"""Random acts of people, agents and API clients over HTTP: after each, exactly those are reachable who should be.

A small model of the promises says who should be. The sealed ledger of the same acts must agree with the state.
``ACTS_SEQUENCES=1000 pytest tests/stories/test_random_acts.py`` tries more sequences;
``ACTS_SEED`` begins with another one. A failure names the seed and the acts of its sequence.
"""

import os

import time_machine

from tests.installations import Installation
from tests.make import NOON
from tests.stories.random_acts import RandomActs

SEQUENCES = int(os.environ.get("ACTS_SEQUENCES", "3"))
FIRST_SEED = int(os.environ.get("ACTS_SEED", "1"))
ACTS = 20


def test_after_every_act_exactly_those_are_reachable_who_should_be(installation: Installation) -> None:
    for seed in range(FIRST_SEED, FIRST_SEED + SEQUENCES):
        installation.close()
        installation.reset()
        with time_machine.travel(NOON, tick=False) as clock:
            world = RandomActs(installation.app, seed, clock)
            for _ in range(ACTS):
                try:
                    world.step()
                except AssertionError as error:
                    raise AssertionError(f"ACTS_SEED={seed}: {world.done}") from error
            world.verify()
