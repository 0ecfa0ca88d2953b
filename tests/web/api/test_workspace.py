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


def test_every_setting_is_changed_and_what_cannot_be_used_is_refused_by_name(app: Flask) -> None:
    api = api_client(app, "admin")
    offers = api.live_type()
    news = api.live_type(name="News", content_types=["email"])
    draft = api.post("/subscription_types", {"name": "D", "content_types": ["sms_message"], "consent_type": "opt_in"})
    changes = {
        "site_subscription_type_id": offers,
        "accent_color": "#123456",
        "messenger_office_name": "Harbour Coffee",
        "messenger_greeting": {"de": "Hallo"},
        "submissions_per_number": 7,
        "api_calls_per_minute": 500,
        "agents_write_legal_text": False,
        "erasure_due_days": 14,
        "confirmation_limits": {"number_hour": 2},
        "controller_name": "Harbour Coffee Ltd",
        "recipients": ["Carrier"],
    }
    changed = api.put("/workspace", changes)
    assert changed["confirmation_limits"]["number_hour"] == 2
    assert {name: changed[name] for name in changes if name != "confirmation_limits"} == {
        name: value for name, value in changes.items() if name != "confirmation_limits"
    }
    assert api.put("/workspace", {"site_subscription_type_id": int(offers)})["site_subscription_type_id"] == offers
    assert api.put("/workspace", api.get("/workspace").body).status == 200
    for wrong in ({"site_subscription_type_id": each} for each in (news, draft["id"], "999", "x")):
        refused = api.put("/workspace", wrong)
        assert (refused.status, refused.field) == (400, "site_subscription_type_id")
    assert api.put("/workspace", {"erasure_due_days": 0}).field == "erasure_due_days"
    assert api.put("/workspace", {"agents_write_legal_text": "false"}).field == "agents_write_legal_text"
    assert api.put("/workspace", {"site_subscription_type_id": None})["site_subscription_type_id"] is None


def test_office_hours_and_the_pause_of_bots_are_settings(app: Flask) -> None:
    api = api_client(app, "admin")
    hours = {"mon": ["09:00", "17:00"], "sat": ["10:00", "00:00"]}
    changed = api.put("/workspace", {"office_hours": hours, "bot_pause_hours": 0})
    assert (changed["office_hours"], changed["bot_pause_hours"]) == (hours, 0)
    assert api.put("/workspace", {"office_hours": None})["office_hours"] is None
    for wrong in ({"monday": ["09:00", "17:00"]}, {"mon": ["17:00", "09:00"]}, {"mon": "09:00"}, {"mon": [9, 17]}):
        assert api.put("/workspace", {"office_hours": wrong}).field == "office_hours"
    assert api.put("/workspace", {"bot_pause_hours": -1}).field == "bot_pause_hours"


def test_a_new_identity_secret_is_shown_once(app: Flask, api: ApiClient) -> None:
    assert api.post("/workspace/identity_secret").status == 403
    admin = api_client(app, "admin")
    made = admin.post("/workspace/identity_secret", Idempotency_Key="k")
    assert len(made["identity_secret"]) == 64
    again = admin.post("/workspace/identity_secret", Idempotency_Key="k")
    assert again.body == {name: value for name, value in made.body.items() if name != "identity_secret"}
    policy = admin.get("/workspace")
    assert policy["previous_secret_ends_at"] == made["previous_secret_ends_at"]
    assert made["identity_secret"] not in str(policy.body)
