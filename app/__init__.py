"""Assent: SMS consent, self-hosted. ``create_app`` is the only wiring.

Flask is imported inside it, so that rules, jobs and commands can be imported without the web.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.config import Settings

MAX_REQUEST_BYTES = 1_000_000


def create_app(settings: "Settings | None" = None) -> "Flask":
    """The web application.

    :param settings: read from the environment when not given
    :raises BadSetting: a setting cannot be used
    """
    from flask import Flask

    from app import config
    from app.web import api, assets, embed, errors, health, live, logo, mail, messenger, security
    from app.web import i18n as languages
    from app.web import ids as numbers
    from app.web import request_log as logs
    from app.web import services as database
    from app.web.admin import blueprint as admin
    from app.web.auth import blueprint as auth
    from app.web.contacts import blueprint as contacts
    from app.web.home import blueprint as home
    from app.web.inbox import blueprint as inbox
    from app.web.messenger import blueprint as messenger_page
    from app.web.sign_in import setup as login

    settings = settings or config.load()
    app = Flask(
        __name__,
        template_folder=str(config.resource_folder("templates")),
        static_folder=str(config.resource_folder("static")),
        instance_path=str(settings.instance),
    )
    app.config.update(SECRET_KEY=settings.secret_key, MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES)
    app.extensions["assent.settings"] = settings
    database.connect(app, settings)
    live.connect(app)
    logs.configure(app)
    security.protect(app, settings)
    numbers.bound(app)
    logo.show(app)
    assets.serve(app)
    assets.serve_loaders(app)
    languages.speak(app)
    mail.connect(app, settings)
    errors.handle(app)
    health.register(app)
    login.enable(app, settings)
    for blueprint in (home, auth, admin, contacts, inbox, messenger_page):
        app.register_blueprint(blueprint)
    embed.mount(app)
    messenger.mount(app)
    api.mount(app, settings)
    security.trust_proxies(app, settings)
    return app
