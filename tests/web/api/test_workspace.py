"""The policy of the workspace over the API."""

from flask import Flask

from tests.web.api.client import ApiClient, api_client


def test_the_policy_is_read_changed_and_sent_back_whole(app: Flask) -> None:
    api = api_client(app, "read", "write", "admin")
    policy = api.get("/workspace").body
    assert (policy["type"], policy["quiet_hours"], policy["stop_scope"]) == ("workspace", None, "all_sms")

    changes = {"quiet_hours": {"rules": "standard"}, "frequency_cap": {"messages": 3, "hours": 24}, "currency": "EUR"}
    changed = api.put("/workspace", {**policy, **changes}).body
    assert {name: changed[name] for name in changes} == changes
    assert api.put("/workspace", {"quiet_hours": None})["quiet_hours"] is None
    for wrong, field in (
        ({"quiet_hours": {"start": "9"}}, "quiet_hours"),
        ({"text_prices": {"XX": 1}}, "text_prices"),
        ({"public_key": "other"}, "public_key"),
    ):
        refused = api.put("/workspace", wrong)
        assert (refused.status in {400, 422}, refused.field) == (True, field)


def test_only_a_token_for_administration_changes_the_policy(api: ApiClient) -> None:
    assert api.get("/workspace")["name"]
    assert api.put("/workspace", {"name": "Mine"}).status == 403
