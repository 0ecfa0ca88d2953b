"""When a marketing text may arrive."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core import quiet_hours
from app.core.errors import InvalidInput
from app.core.quiet_hours import next_allowed
from app.core.quiet_hours_places import place_of
from app.core.quiet_hours_rows import DAYS, holidays, rows, states

STANDARD = {"rules": "standard"}
TEXAS, NEW_YORK, FLORIDA_PANHANDLE, TOLL_FREE = "+15125550100", "+12125550100", "+18505550100", "+18005550100"
BERLIN, RUSSIA, SPAIN, RHODE_ISLAND = "+4917612345678", "+79161234567", "+34612345678", "+14015550100"
NUMBERS = (TEXAS, NEW_YORK, FLORIDA_PANHANDLE, TOLL_FREE, BERLIN, RUSSIA, SPAIN, RHODE_ISLAND, "+61412345678")
SATURDAY_NIGHT = datetime(2026, 11, 29, 3, 0, 30, tzinfo=UTC)  # 21:00:30 in Texas


def test_without_quiet_hours_every_moment_is_allowed() -> None:
    assert next_allowed(None, TEXAS, None, SATURDAY_NIGHT) == (SATURDAY_NIGHT, None)


def test_texas_on_saturday_night_waits_until_sunday_noon() -> None:
    assert next_allowed(STANDARD, TEXAS, None, SATURDAY_NIGHT) == (
        datetime(2026, 11, 29, 18, tzinfo=UTC),
        "us_tx_sunday",
    )
    assert quiet_hours.name_of("us_tx_sunday") == "Texas, Sunday"


@pytest.mark.parametrize(
    ("phone", "time_zone", "at", "expected", "key"),
    [
        # 12:59 UTC is 07:59 in New York and 06:59 in Pensacola: Florida's area code 850 spans both zones.
        (NEW_YORK, None, "2026-11-30 12:59", "2026-11-30 13:00", "us_federal"),
        (FLORIDA_PANHANDLE, None, "2026-11-30 12:59", "2026-11-30 14:00", "us_fl"),
        (FLORIDA_PANHANDLE, "America/New_York", "2026-11-30 13:10", "2026-11-30 13:10", None),
        # A New York number of a person in the central zone may be a Texan's or an Oklahoman's.
        (NEW_YORK, "America/Chicago", "2026-11-30 14:30", "2026-11-30 15:00", "us_tx"),
        (TOLL_FREE, None, "2026-11-29 16:00", "2026-11-30 20:00", "us_unknown_state"),
        (RHODE_ISLAND, None, "2026-11-28 22:30", "2026-11-29 15:00", "us_ri_weekend"),
        (BERLIN, None, "2026-11-29 20:00", "2026-11-30 07:00", "courtesy"),
        (SPAIN, None, "2026-11-30 07:30", "2026-11-30 08:00", "courtesy"),  # the Canary Islands
        (BERLIN, "No/Zone", "2026-11-29 19:59", "2026-11-29 19:59", None),
        ("+1", None, "2026-11-29 07:00", "2026-11-29 08:00", "courtesy"),
    ],
)
def test_hours_are_local_for_everywhere_the_number_may_be(
    phone: str, time_zone: str | None, at: str, expected: str, key: str | None
) -> None:
    found, why = next_allowed(STANDARD, phone, time_zone, datetime.fromisoformat(f"{at}+00:00"))

    assert (f"{found:%Y-%m-%d %H:%M}", why) == (expected, key)


def test_own_hours_are_kept_beside_those_of_laws() -> None:
    own = {"rules": "standard", "start": "09:30", "end": "13:00", "days": ["mon", "tue"]}
    wednesday = datetime(2026, 12, 2, 12, tzinfo=UTC)

    assert next_allowed(own, BERLIN, None, wednesday) == (datetime(2026, 12, 7, 8, 30, tzinfo=UTC), "own_hours")
    # No hour of these is the same in all of Russia: they hold in the middle of it, the law's hours everywhere.
    found, why = next_allowed(own, RUSSIA, None, wednesday)
    assert (found.weekday(), why) == (0, "own_hours")


def test_own_hours_that_begin_in_an_hour_that_comes_twice_are_closed_before_they_begin_again() -> None:
    own = {"start": "02:30", "end": "14:00", "days": list(DAYS)}
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30 in Berlin; at 03:00 clocks are set back to 02:00
    found = [next_allowed(own, BERLIN, None, first + timedelta(minutes=minutes))[0] for minutes in (-1, 0, 29, 30, 59)]
    second = first + timedelta(hours=1)
    assert found == [first, first, first + timedelta(minutes=29), second, second]


def test_hours_that_never_meet_are_asked_about_a_day_later() -> None:
    never = {"rules": "standard", "start": "22:00", "end": "23:00"}
    assert next_allowed(never, BERLIN, None, SATURDAY_NIGHT)[1] == "no_common_hour"


def test_nothing_is_sent_on_holidays_and_closed_days() -> None:
    thanksgiving = datetime(2026, 11, 26, 18, tzinfo=UTC)
    policy = {**STANDARD, "holidays": True, "closed": ["2026-11-27"]}

    assert next_allowed(policy, NEW_YORK, None, thanksgiving) == (datetime(2026, 11, 28, 13, tzinfo=UTC), "holiday")
    assert next_allowed(policy, BERLIN, None, thanksgiving) == (thanksgiving, None)
    assert {date(2027, 1, 18), date(2027, 5, 31), date(2027, 7, 4)} <= holidays("US", 2027)


@settings(max_examples=60, deadline=None)
@given(
    phone=st.sampled_from(NUMBERS),
    time_zone=st.sampled_from((None, None, "America/Chicago", "Asia/Kolkata")),
    own=st.sampled_from(({}, {"start": "10:30", "end": "16:00"}, {"start": "12:00", "end": "20:00", "days": ["sun"]})),
    days=st.floats(0, 700),
)
def test_the_time_is_allowed_everywhere_and_none_before_it_was(
    phone: str, time_zone: str | None, own: dict[str, Any], days: float
) -> None:
    policy, at = {**STANDARD, **own}, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days)

    found, why = next_allowed(policy, phone, time_zone, at)

    if own and len(place_of(phone, time_zone).zones) > 5:
        return  # own hours may be kept in the middle zone only
    assert _is_allowed(policy, phone, time_zone, found)
    assert (found == at) == (why is None)
    # Hours begin and end on quarters in every zone, so that these moments are as good as every minute.
    earlier = at
    while earlier < found:
        assert not _is_allowed(policy, phone, time_zone, earlier)
        earlier = earlier.replace(minute=earlier.minute // 15 * 15, second=0, microsecond=0) + timedelta(minutes=15)


def _is_allowed(policy: dict[str, Any], phone: str, time_zone: str | None, at: datetime) -> bool:
    place = place_of(phone, time_zone)
    for local in (at.astimezone(zone) for zone in place.zones):
        minutes, day = local.hour * 60 + local.minute, local.weekday()
        if any(day in row.days and not row.start <= minutes < row.end for row in place.rows):
            return False
        if "start" in policy:
            clock = f"{local:%H:%M}"
            if DAYS[day] not in policy.get("days", DAYS) or not policy["start"] <= clock < policy["end"]:
                return False
    return True


def test_every_area_code_of_the_numbering_metadata_has_its_state() -> None:
    from phonenumbers.geodata import GEOCODE_DATA  # 0.3 seconds, which other test processes save

    codes = {code for state in states().values() for code in state.area_codes}
    names = {"Texas", "Florida", "Oklahoma", "Washington State", "Maryland", "Mississippi", "New Jersey", "Connecticut"}
    named = {prefix[1:] for prefix, words in GEOCODE_DATA.items() if len(prefix) == 4 and words.get("en") in names}

    assert named <= codes
    assert sum(len(state.area_codes) for state in states().values()) == len(codes)
    assert all(row.as_of and row.source for row in rows())


def test_every_country_has_an_allowed_moment_within_three_days() -> None:
    for country in phonenumbers.SUPPORTED_REGIONS:
        number = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
        if number:
            phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            found, why = next_allowed(STANDARD, phone, None, SATURDAY_NIGHT)
            assert why != "no_common_hour", country
            assert found - SATURDAY_NIGHT < timedelta(days=3), country


@pytest.mark.parametrize(
    "policy",
    [
        {"rules": "none"},
        {"hours": 1},
        {"start": "9", "end": "20:00"},
        {"start": "09:00"},
        {"start": "21:00", "end": "22:00"},
        {"start": "09:00", "end": "20:00", "days": ["monday"]},
        {"start": "09:00", "end": "20:00", "days": "mon"},
        {"closed": ["Christmas"]},
        {"closed": 5},
        {"closed": ["2026-12-25"] * 3 + [f"20{year}-01-0{day}" for year in range(10, 60) for day in range(1, 4)]},
    ],
)
def test_wrong_quiet_hours_are_refused(policy: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        quiet_hours.check(policy)
    assert refused.value.field == "quiet_hours"


def test_quiet_hours_are_stored_in_one_form() -> None:
    policy = {"rules": "standard", "start": "09:00", "end": "20:00", "days": ["fri", "mon"], "closed": ["2026-12-25"]}

    assert quiet_hours.check(policy) == {**policy, "days": ["mon", "fri"]}
    assert quiet_hours.check({"holidays": True, "closed": []}) == {"holidays": True}
    assert quiet_hours.check({}) is quiet_hours.check(None) is None
