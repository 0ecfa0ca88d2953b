"""Who may open what: every route of the staff pages, asked for by each role, against one table.

A new route gets its line here. The pages of Flask-Security, which are about the own account, have their own tests.
"""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import AnyConverter, BaseConverter, IntegerConverter, Rule

from app.core.accounts import rights
from app.core.accounts.rights import Right
from app.models import Role
from tests.web import pages

# The routes that need no sign-in.
PUBLIC = """
home.index home.shop home.logo home.icon home.ledger_keys healthz readyz metrics static messenger.frame
loader_embed.js loader_messenger.js loader_site.js modules_inbox modules_messenger
"""
ROUTES = {
    Right.SERVICE: """
        auth.start auth.account auth.rename auth.choose_language auth.change_waiting_mail auth.recovery_codes_file
        auth.end_session auth.end_other_sessions
        contacts.list_page contacts.newest contacts.contact contacts.add_note contacts.insert_form
        contacts.record_opt_in contacts.record_opt_out contacts.record_gdpr contacts.decide_number
        contacts.issue_preference_link contacts.receipt_page contacts.receipt_file contacts.receipt_pdf
        contacts.deletion_requests
        contacts.number_reviews contacts.decide_review
        sandbox.phones_page sandbox.open_phone sandbox.phone_page sandbox.live sandbox.send
        contacts.new_contact contacts.edit_contact contacts.count contacts.segment contacts.segment_list
        contacts.duplicates_page contacts.choose_target contacts.merge_preview contacts.merge_contacts
        contacts.undo_opt_out contacts.change_state contacts.stop_number contacts.add_tag contacts.remove_tag
        inbox.list_page inbox.conversation_page inbox.poll inbox.here inbox.leave inbox.start_page inbox.reply
        inbox.assign inbox.close_or_reopen inbox.mark_read inbox.configure inbox.preview inbox.preview_saved
        inbox.picker inbox.send_again inbox.withdraw_form
        inbox.reply_picker inbox.replies_page inbox.new_reply inbox.saved_reply inbox.delete_reply
    """,
    Right.MARKETING: """
        admin.overview_page contacts.show_me contacts.show_history contacts.history_file
        contacts.save_segment contacts.change_segment contacts.delete_segment contacts.allow_number
        contacts.erase_contact contacts.erase_on_request contacts.refuse_deletion
        bulk.list_page bulk.choose bulk.job_page bulk.choose_subject bulk.start bulk.progress bulk.items_page
        bulk.result bulk.cancel bulk.retry bulk.undo
        imports.list_page imports.new imports.upload imports.begin imports.receive imports.complete imports.discard
        imports.columns_page imports.lay_out imports.import_page imports.start imports.cancel imports.undo
        imports.refused_rows
        exports.list_page exports.create exports.cancel exports.download
        admin.preference_preview admin.preference_preview_frame
        admin.forms_page admin.new_form admin.form_page admin.step_form admin.form_qr_code
        admin.form_kit admin.form_kit_page admin.form_kit_zip
        admin.preview_saved admin.preview_unsaved admin.try_page
        campaigns.list_page campaigns.new_campaign campaigns.edit_campaign campaigns.check_text campaigns.campaign_page
        campaigns.progress campaigns.step_campaign campaigns.delete_campaign campaigns.schedule_campaign
        campaigns.test_campaign campaigns.change_ceiling campaigns.audience_page campaigns.why_page
        bots.list_page bots.new_bot bots.bot bots.check_bot bots.switch_bot bots.move_bot bots.delete_bot
        outbound_chats.list_page outbound_chats.new_chat outbound_chats.edit_chat outbound_chats.preview_chat
        outbound_chats.chat_page outbound_chats.progress outbound_chats.step_chat outbound_chats.stop_chat
        outbound_chats.delete_chat outbound_chats.schedule_chat outbound_chats.audience_page
        outbound_chats.recipients_page outbound_chats.download_report
        campaigns.recipients_page campaigns.report campaigns.clicks_file campaigns.health_page
        admin.subscription_types_page admin.new_subscription_type admin.subscription_type admin.step_subscription_type
    """,
    Right.ADMINISTRATION: """
        admin.setup_page admin.allow_origin admin.website_page admin.website_live
        admin.settings_page admin.change_logo admin.remove_logo
        admin.sending_page admin.stop_sending admin.resume_sending
        admin.messenger_page admin.show_messenger_secret admin.renew_messenger_secret
        admin.end_old_messenger_secret
        admin.agents_page admin.agent_page admin.invite_agent admin.renew_link admin.change_role admin.rename_agent
        admin.disable_agent admin.enable_agent admin.reset_second_factor
        admin.tokens_page admin.create_token admin.revoke_token
        admin.webhooks_page admin.new_webhook admin.webhook_page admin.step_webhook admin.delete_webhook
        admin.rotate_webhook_secret admin.test_webhook admin.webhook_delivery admin.replay_webhook
        admin.replay_failed_webhooks
        admin.failures_page admin.clear_failure admin.decide_unknown_text admin.audit_page admin.export_audit
        admin.ledger_page admin.verify_ledger
    """,
}
NEEDED = {endpoint: right for right, endpoints in ROUTES.items() for endpoint in endpoints.split()}
REFUSED = {401, 403}
# The highest role without the right and the lowest with it. A person who is not signed in asks for every route.
ASKING = {
    Right.SERVICE: {Role.AGENT},
    Right.MARKETING: {Role.AGENT, Role.MARKETER},
    Right.ADMINISTRATION: {Role.MARKETER, Role.ADMIN},
}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.AGENT, {Right.SERVICE}),
        (Role.MARKETER, {Right.SERVICE, Right.MARKETING}),
        (Role.ADMIN, {Right.SERVICE, Right.MARKETING, Right.ADMINISTRATION}),
    ],
)
def test_each_role_has_its_rights(role: Role, allowed: set[Right]) -> None:
    assert {right for right in Right if rights.may(role, right)} == allowed


def test_every_route_has_an_entry(app: Flask) -> None:
    known = {*PUBLIC.split(), *NEEDED}
    assert sorted({rule.endpoint for rule in _rules(app)} - known) == []
    assert sorted(known - {rule.endpoint for rule in _rules(app)}) == []


@pytest.mark.parametrize("role", [None, *Role])
def test_a_route_opens_for_the_roles_of_its_entry_alone(role: Role | None, app: Flask) -> None:
    client, token = _client(app, role)
    wrong = []
    for rule, method, path in _requests(app):
        right = NEEDED.get(rule.endpoint)
        if role is not None and (right is None or role not in ASKING[right]):
            continue
        with client.open(path, method=method, data={"csrf_token": token} if method == "POST" else None) as response:
            leads_to_sign_in = (response.location or "").startswith("/sign-in")
        is_refused = response.status_code in REFUSED or leads_to_sign_in
        may = right is None or (role is not None and rights.may(role, right))
        if is_refused == may:
            wrong.append((rule.endpoint, method, response.status_code))
    assert wrong == []


@pytest.mark.parametrize(
    ("role", "shown", "hidden"),
    [
        (Role.AGENT, ["/inbox", "/contacts"], ["/admin/forms", "/admin/agents"]),
        (Role.MARKETER, ["/inbox", "/contacts", "/admin/forms", "/admin/subscription-types"], ["/admin/agents"]),
        (Role.ADMIN, ["/inbox", "/admin/forms", "/admin/agents", "/admin/webhooks"], []),
    ],
)
def test_the_navigation_shows_what_the_role_may_open(
    role: Role, shown: list[str], hidden: list[str], app: Flask
) -> None:
    client, _ = _client(app, role)
    html = client.get("/account").get_data(as_text=True)
    assert [path for path in shown if f'href="{path}"' not in html] == []
    assert [path for path in hidden if f'href="{path}"' in html] == []


def test_a_refused_page_says_who_may_open_it(ana: FlaskClient) -> None:
    assert "This page is for marketers and admins." in ana.get("/admin/forms").get_data(as_text=True)
    assert "This page is for admins only." in ana.get("/admin/agents").get_data(as_text=True)


def _client(app: Flask, role: Role | None) -> tuple[FlaskClient, str]:
    """An agent with this role, signed in, and a CSRF token."""
    if role is None:
        client = app.test_client()
        return client, pages.csrf_token(client.get("/sign-in").get_data(as_text=True))
    pages.make_agent(app, f"{role}@example.com", role=role)
    client = pages.signed_in_by_password(app, f"{role}@example.com")
    return client, pages.csrf_token(client.get("/account").get_data(as_text=True))


def _requests(app: Flask) -> Iterator[tuple[Rule, str, str]]:
    """Each route once for each method, with ids that nothing has."""
    adapter = app.url_map.bind("localhost")
    for rule in _rules(app):
        values = {name: _value(converter) for name, converter in rule._converters.items()}
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method, adapter.build(rule.endpoint, values, method=method)


def _value(converter: BaseConverter) -> str | int:
    """An id that nothing has, so that even what a role may do changes nothing."""
    if isinstance(converter, AnyConverter):
        return sorted(converter.items)[0]
    return 999_999 if isinstance(converter, IntegerConverter) else "f" * 24


def _rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if not rule.endpoint.startswith("security.")]
