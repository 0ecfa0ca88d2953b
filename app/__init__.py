"""Assent: SMS consent, self-hosted. ``create_app`` wires the web application.

It imports Flask itself, so that rules, jobs and commands can be imported without the web.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.config import Settings

MAX_REQUEST_BYTES = 1_000_000


def create_app(settings: "Settings | None" = None) -> "Flask":
    """Create the web application.

    :param settings: by default read from the environment
    :raises BadSetting: a setting is invalid
    """
    from flask import Flask

    from app import config
    from app.core import public_urls
    from app.web import (
        admin,
        admission,
        api,
        assets,
        auth,
        bots,
        bulk,
        campaigns,
        contacts,
        embed,
        errors,
        exports,
        health,
        home,
        hooks,
        i18n,
        ids,
        imports,
        inbox,
        messenger,
        metrics,
        mounts,
        outbound_chats,
        people,
        preferences,
        request_log,
        responses,
        sandbox,
        security,
        services,
        short_links,
        site,
    )
    from app.web.sign_in import language
    from app.web.sign_in import setup as sign_in

    settings = settings or config.load()
    app = Flask(
        __name__,
        template_folder=str(config.resource_folder("templates")),
        static_folder=str(config.resource_folder("static")),
        instance_path=str(settings.instance),
    )
    responses.init_app(app)
    app.config.update(SECRET_KEY=settings.secret_key, MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES)
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_REQUEST_BYTES
    services.init_app(app, settings)
    request_log.init_app(app)
    admission.init_app(app, app)
    i18n.init_app(app, language.of_reader)
    for part in (security, ids, assets, people, errors, health, metrics, sign_in):
        part.init_app(app)
    staff = (home, auth, admin, contacts, bulk, campaigns, outbound_chats, bots, exports, imports, inbox)
    for surface in (*staff, messenger, sandbox):
        surface.init_app(app)
    mounts.mount(
        app,
        {
            public_urls.EMBED: embed.create_embed(app),
            public_urls.MESSENGER_API: messenger.create_messenger_api(app),
            public_urls.API: api.create_api(app),
            public_urls.SITE: site.create_site(app),
            public_urls.SHORT_LINKS: short_links.create_short_links(app),
            public_urls.PREFERENCES: preferences.create_preferences(app),
            public_urls.HOOKS: hooks.create_hooks(app),
        },
    )
    security.trust_proxies(app, settings)
    return app
