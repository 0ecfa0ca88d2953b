"""The headings of files of contacts."""

from app.core.bulk import contact_columns


def test_headings_of_attributes_and_subscriptions_are_read_back() -> None:
    assert contact_columns.custom_name(contact_columns.custom("plan.level")) == "plan.level"
    assert contact_columns.subscription_part(contact_columns.subscription(3, "since")) == (3, "since")


def test_other_headings_name_no_attribute_and_no_subscription() -> None:
    others = ("Name", "custom_attributes.", "subscription_types.x.state", "subscription_types.3.note", "3.state")
    assert [contact_columns.custom_name(each) for each in others] == [None] * 5
    assert [contact_columns.subscription_part(each) for each in others] == [None] * 5
