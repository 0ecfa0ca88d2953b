"""Examples and links of the description, by the name of the call. A test makes each of these calls."""

from typing import Any

_CONTACT = "6762f0cd1bb69f9f2193bb7c"


def _link(operation: str, **parameters: str) -> dict[str, Any]:
    return {"operationId": operation, "parameters": parameters}


_TO_CONTACT = {
    "find": _link("find_contact", contact_id="$response.body#/id"),
    "consents": _link("list_consents", contact_id="$response.body#/id"),
    "archive": _link("archive_contact", contact_id="$response.body#/id"),
    "update": _link("update_contact", contact_id="$response.body#/id"),
}
_TO_CAMPAIGN = {
    name: _link(f"{name}_campaign", campaign_id="$response.body#/id") for name in ("find", "update", "send", "schedule")
}
_TO_TYPE = {
    "put_live": _link("put_subscription_type_live", subscription_type_id="$response.body#/id"),
    "update": _link("update_subscription_type", subscription_type_id="$response.body#/id"),
    "archive": _link("archive_subscription_type", subscription_type_id="$response.body#/id"),
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "create_contact": {
        "request": {"role": "lead", "phone": "+12025550123", "name": "Sam"},
        "links": _TO_CONTACT,
    },
    "update_workspace": {
        "request": {"quiet_hours": {"rules": "standard"}, "frequency_cap": {"messages": 3, "hours": 24}},
    },
    "update_contact": {"request": {"phone": "+12025550123", "custom_attributes": {"plan": "pro"}}},
    "search_contacts": {
        "request": {
            "query": {
                "operator": "AND",
                "value": [
                    {"field": "phone", "operator": "^", "value": "+1"},
                    {"field": "subscription_types.1", "operator": "=", "value": "opted_in"},
                ],
            },
            "pagination": {"per_page": 50},
        }
    },
    "merge_contacts": {"request": {"from": _CONTACT, "into": "6762f0cd1bb69f9f2193bb7d"}},
    "attach_subscription": {
        "request": {"id": "1", "consent_type": "opt_in", "source_note": "Ticked the box on the order form."}
    },
    "create_bulk_change": {
        "request": {
            "action": "subscribe",
            "subscription_type_id": "1",
            "contact_ids": [_CONTACT],
            "source_note": "Ticked the box for texts on the order form of May.",
        },
        "links": {
            "find": _link("find_bulk_job", job_id="$response.body#/id"),
            "cancel": _link("cancel_bulk_job", job_id="$response.body#/id"),
            "undo": _link("undo_bulk_job", job_id="$response.body#/id"),
        },
    },
    "create_subscription_type": {
        "request": {"name": "Offers", "content_types": ["sms_message"], "consent_type": "opt_in"},
        "links": _TO_TYPE,
    },
    "update_subscription_type": {"request": {"name": "Weekly offers"}},
    "create_form": {
        "request": {"subscription_type_id": "1", "title": "Texts from Harbour Coffee"},
        "links": {
            "find": _link("find_form", form_id="$response.body#/id"),
            "insert": _link("insert_form", form_id="$response.body#/id"),
        },
    },
    "update_form": {"request": {"button_text": "Text me"}},
    "insert_form": {
        "request": {"contact_id": _CONTACT, "expires_in": 86400},
        "links": {"find": _link("find_inserted_form", inserted_form_id="$response.body#/id")},
    },
    "create_conversation": {
        "request": {"from": {"type": "user", "id": _CONTACT}, "body": "Do you have a table tonight?"},
        "links": {"find": _link("find_conversation", conversation_id="$response.body#/conversation_id")},
    },
    "reply_to_conversation": {
        "request": {"message_type": "comment", "type": "admin", "admin_id": "1", "body": "We do, at eight."}
    },
    "search_conversations": {
        "request": {
            "query": {"field": "open", "operator": "=", "value": True},
            "sort": {"field": "updated_at", "order": "descending"},
        }
    },
    "update_conversation": {"request": {"read": True}},
    "manage_conversation": {"request": {"message_type": "close", "type": "admin", "admin_id": "1"}},
    "insert_form_into_conversation": {"request": {"form_id": "1"}},
    "create_message": {
        "request": {
            "message_type": "inapp",
            "body": "Your order is ready.",
            "from": {"type": "admin", "id": "1"},
            "to": {"type": "user", "id": _CONTACT},
        }
    },
    "list_sms_messages": {"links": {"find": _link("find_sms_message", message_id="$response.body#/data/0/id")}},
    "create_sandbox_message": {"request": {"from": "+12025550177", "text": "STOP"}},
    "create_segment": {
        "request": {"name": "Pro", "query": {"field": "custom_attributes.plan", "operator": "=", "value": "pro"}},
        "links": {
            "find": _link("find_segment", segment_id="$response.body#/id"),
            "delete": _link("delete_segment", segment_id="$response.body#/id"),
        },
    },
    "create_tag": {
        "request": {"name": "VIP"},
        "links": {
            "find": _link("find_tag", tag_id="$response.body#/id"),
            "delete": _link("delete_tag", tag_id="$response.body#/id"),
        },
    },
    "attach_tag": {"request": {"id": "1"}},
    "create_note": {
        "request": {"body": "Likes tea."},
        "links": {"find": _link("find_note", note_id="$response.body#/id")},
    },
    "update_segment": {"request": {"name": "Professionals"}},
    "create_suppression": {
        "request": {"phone": "+12025550123", "note": "Asked at the counter."},
        "links": {"lift": _link("lift_suppression", suppression_id="$response.body#/id")},
    },
    "resolve_suppression": {"request": {"decision": "release", "note": "They confirmed their number by phone."}},
    "create_webhook_endpoint": {
        "request": {"url": "https://shop.example.com/assent", "topics": ["granular.subscribe", "granular.unsubscribe"]},
        "links": {
            "find": _link("find_webhook_endpoint", endpoint_id="$response.body#/id"),
            "deliveries": _link("list_webhook_deliveries", endpoint_id="$response.body#/id"),
            "delete": _link("delete_webhook_endpoint", endpoint_id="$response.body#/id"),
            "test": _link("test_webhook_endpoint", endpoint_id="$response.body#/id"),
            "rotate": _link("rotate_webhook_secret", endpoint_id="$response.body#/id"),
        },
    },
    "update_webhook_endpoint": {"request": {"enabled": False}},
    "preview_audience": {"request": {"subscription_type_id": "1"}},
    "create_campaign": {
        "request": {
            "name": "Spring",
            "subscription_type_id": "1",
            "body": "Hello {{ name | there }}, the terrace is open again: https://shop.example.com/terrace",
        },
        "links": _TO_CAMPAIGN,
    },
    "update_campaign": {"request": {"name": "Summer"}},
    "schedule_campaign": {"request": {"send_at": 1925024400}},
    "test_campaign": {"request": {"phone": "+12025550123"}},
    "upsert_users": {
        "request": {
            "users": [
                {
                    "identifiers": {"uuid": "70", "phone_number": "+12025550123"},
                    "attributes": {"name": "Sam", "gdpr_optin": True, "custom": {"plan": "pro"}},
                }
            ]
        }
    },
    "change_identity": {
        "request": {
            "old_identifier": {"phone_number": "+12025550123"},
            "new_identifier": {"phone_number": "+12025550177"},
        }
    },
    "remove_identity": {"request": {"identifier": {"phone_number": "+12025550177"}}},
    "subscribe_numbers": {"request": {"phone_numbers": ["+12025550143"]}},
    "unsubscribe_numbers": {"request": {"phone_numbers": ["+12025550143"]}},
}
