"""The settings with their types, defaults and environment variables. An invalid one stops the start by its name."""

import difflib
import os
import secrets
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app import setting_values as values
from app.setting_values import NEEDED

VERSION = "0.1.0"
PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
PREFIX = "ASSENT_"
# Settings of later features are refused, so that no operator relies on something that does not exist yet.
LATER_PREFIXES = ("INTERCOM_", "CHATWOOT_")


class BadSetting(Exception):
    """A setting is invalid. The message begins with the name of its environment variable."""


def is_checkout(package: Path = PACKAGE) -> bool:
    """Whether this code runs from a checkout, which has a ``pyproject.toml`` beside the package."""
    return (package.parent / "pyproject.toml").is_file()


def resource_folder(name: str, package: Path = PACKAGE) -> Path:
    """The folder ``templates`` or ``static``: beside the package in a checkout, inside an installed package."""
    return (package.parent if is_checkout(package) else package) / name


def state_folder(environ: Mapping[str, str], package: Path = PACKAGE) -> Path:
    """The folder for local state when ``ASSENT_INSTANCE`` is not set.

    It is ``instance`` in a checkout, and ``$XDG_STATE_HOME/assent`` (``~/.local/state/assent``) when installed.

    :raises BadSetting: the user has no home folder
    Source: XDG Base Directory Specification (relative paths are ignored)
    """
    if is_checkout(package):
        return package.parent / "instance"
    state_home = Path(environ.get("XDG_STATE_HOME", "").strip())
    if not state_home.is_absolute():
        home = environ.get("HOME", "").strip()
        try:
            state_home = (Path(home) if home else Path.home()) / ".local" / "state"
        except RuntimeError:
            raise BadSetting(f"{PREFIX}INSTANCE: needed, because this user has no home folder") from None
    return state_home / "assent"


@dataclass(frozen=True)
class Setting:
    """One setting.

    :param name: in lower case, also the key in ``config.toml``
    :param read: converts the text of a value
    :param purpose: what it is for, in one phrase
    """

    name: str
    read: Callable[[str], Any]
    default: str
    purpose: str
    is_secret: bool = False

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()


SETTINGS = (
    Setting("instance", values.text, "", "folder for local state; default: instance/ of a checkout, else XDG's"),
    Setting("database_url", values.database_url, "", "default: SQLite in the instance folder", is_secret=True),
    Setting("secret_key", values.secret_key, "", "default: made once, kept in the instance folder", is_secret=True),
    Setting("public_url", values.web_address, "", "the address people reach this server by"),
    Setting("trusted_proxies", values.proxies, "0", "how many reverse proxies stand in front and set X-Forwarded-*"),
    Setting("sms_gateway", values.gateway, "sandbox", f"what carries texts: {values.GATEWAY_NAMES}"),
    Setting("smtp_url", values.smtp_url, "", "mail server; without it links are shown to the admin", is_secret=True),
    Setting("metrics_token", values.token, "", "token of /metrics; without one it is not served", is_secret=True),
    Setting("allow_loopback", values.boolean, "false", "webhooks and site check may reach this machine (development)"),
    Setting("redis_url", values.redis_url, "", "optional: shared rate limits", is_secret=True),
    Setting("ledger_head_file", values.new_file, "", "file that the head of the ledger is appended to each day"),
    Setting("twilio_account_sid", values.account_sid, "", "Twilio: the account, AC and 32 hexadecimal digits"),
    Setting("twilio_auth_token", values.text, "", "Twilio: its auth token", is_secret=True),
    Setting("twilio_webhook_key", values.text, "", "Twilio: secret of the key that signs callbacks", is_secret=True),
    Setting("twilio_messaging_service_sid", values.service_sid, "", "Twilio: the messaging service that sends texts"),
    Setting("twilio_from", values.sender, "", "Twilio: the number or name that people see; sends without a service"),
    Setting("twilio_api_url", values.web_address, "", "Twilio: another address of its API, for tests"),
    Setting("twilio_consent_api", values.boolean, "true", "Twilio: push opt-ins and opt-outs to its Consent API"),
    Setting("kannel_sendsms_url", values.page_address, "", "Kannel: the address of sendsms"),
    Setting("kannel_username", values.text, "", "Kannel: user of sendsms"),
    Setting("kannel_password", values.text, "", "Kannel: password of sendsms", is_secret=True),
    Setting("kannel_from", values.sender, "", "Kannel: our number, short code or name"),
    Setting("kannel_secret", values.text, "", "Kannel: secret in the addresses that it calls", is_secret=True),
)
_BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Settings:
    """The values of all settings. ``sources`` has the source of each value, by name."""

    instance: Path
    database_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    public_url: str
    trusted_proxies: int
    sms_gateway: str
    smtp_url: str = field(repr=False)
    metrics_token: str = field(repr=False)
    allow_loopback: bool
    redis_url: str = field(repr=False)
    ledger_head_file: str
    twilio_account_sid: str
    twilio_auth_token: str = field(repr=False)
    twilio_webhook_key: str = field(repr=False)
    twilio_messaging_service_sid: str
    twilio_from: str
    twilio_api_url: str
    twilio_consent_api: bool
    kannel_sendsms_url: str
    kannel_username: str
    kannel_password: str = field(repr=False)
    kannel_from: str
    kannel_secret: str = field(repr=False)
    sources: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment, else from ``config.toml`` in the instance folder, else the defaults.

    Creates the instance folder and, when no secret key is set, the key file in it (mode 0600).

    :raises BadSetting: a value is invalid, or config.toml has an unknown name
    """
    environ = os.environ if environ is None else environ
    instance = _instance(environ)
    _create_folder(instance)
    texts, sources = _collect(environ, instance)
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = texts[setting.name]
        try:
            values[setting.name] = setting.read(text) if text else text
        except ValueError as problem:
            raise BadSetting(f"{setting.variable}: {problem} (from {sources[setting.name]})") from None
    _require_what_the_gateway_needs(values)
    values["instance"] = instance
    if not values["database_url"]:
        values["database_url"] = f"sqlite:///{instance / 'assent.db'}"
    if not values["secret_key"]:
        values["secret_key"], sources["secret_key"] = _stored_secret_key(instance), str(key_file(environ))
    return Settings(**values, sources=sources, warnings=tuple(_unknown(environ)))


def key_file(environ: Mapping[str, str] | None = None) -> Path:
    """The file with the secret key, which is used when the setting is not given. ``load`` creates it."""
    return _instance(os.environ if environ is None else environ) / "secret_key"


def describe(settings: Settings) -> list[tuple[str, str, str]]:
    """Each setting as (environment variable, value or a note that it is hidden, source of the value)."""
    rows = []
    for setting in SETTINGS:
        value = getattr(settings, setting.name)
        text = "(not set)" if value == "" else str(value).lower() if isinstance(value, bool) else str(value)
        if setting.name == "database_url":
            text = values.without_password(text)
        elif setting.is_secret and value:
            text = "(hidden)"
        rows.append((setting.variable, text, settings.sources[setting.name]))
    return rows


def _instance(environ: Mapping[str, str]) -> Path:
    if chosen := environ.get(PREFIX + "INSTANCE", "").strip():
        return Path(chosen).resolve()
    return state_folder(environ).resolve()


def _collect(environ: Mapping[str, str], instance: Path) -> tuple[dict[str, str], dict[str, str]]:
    file = instance / "config.toml"
    from_file = _read_file(file)
    texts: dict[str, str] = {}
    sources: dict[str, str] = {}
    for setting in SETTINGS:
        if (text := environ.get(setting.variable, "").strip()) != "":
            texts[setting.name], sources[setting.name] = text, "environment"
        elif setting.name in from_file:
            texts[setting.name], sources[setting.name] = from_file[setting.name], str(file)
        else:
            texts[setting.name], sources[setting.name] = setting.default, "default"
    return texts, sources


def _read_file(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8-sig"))  # an editor may have put a mark at its beginning
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadSetting(f"{file}: {problem}") from None
    for name, value in content.items():
        if name not in _BY_NAME or name == "instance":
            raise BadSetting(_why_not_in_the_file(name, file))
        if not isinstance(value, str | int | bool):
            raise BadSetting(f"{PREFIX}{name.upper()}: must be text, a number or true/false (in {file})")
    return {name: str(value) for name, value in content.items()}


def _why_not_in_the_file(name: str, file: Path) -> str:
    variable = name.upper().removeprefix(PREFIX)
    _refuse_later(variable)
    if variable == "INSTANCE":
        return f"{PREFIX}INSTANCE: only the environment can set it (in {file})"
    return f"{PREFIX}{variable}: no such setting (in {file}){_did_you_mean(variable.lower(), str.lower)}"


def _unknown(environ: Mapping[str, str]) -> list[str]:
    names = sorted(name.removeprefix(PREFIX) for name in environ if name.startswith(PREFIX))
    for name in names:
        _refuse_later(name)
    unknown = [name for name in names if name.lower() not in _BY_NAME]
    return [f"{PREFIX}{name}: no such setting{_did_you_mean(name.lower())}" for name in unknown]


def _refuse_later(name: str) -> None:
    if name.startswith(LATER_PREFIXES):
        raise BadSetting(f"{PREFIX}{name}: this version does not do anything with it; remove it")


def _require_what_the_gateway_needs(values: Mapping[str, Any]) -> None:
    gateway = values["sms_gateway"]
    for group in NEEDED[gateway]:
        if not any(values[name] for name in group):
            first, *others = (PREFIX + name.upper() for name in group)
            alternative = f", or {others[0]}" if others else ""
            raise BadSetting(f"{first}: needed, because {PREFIX}SMS_GATEWAY is {gateway}{alternative}")


def _did_you_mean(name: str, spell: Callable[[str], str] = lambda near: PREFIX + near.upper()) -> str:
    near = difflib.get_close_matches(name, _BY_NAME, n=1)
    return f"; did you mean {spell(near[0])}?" if near else ""


def _create_folder(instance: Path) -> None:
    try:
        instance.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise BadSetting(f"{PREFIX}INSTANCE: {instance} cannot be made: {problem.strerror}") from None
    if not os.access(instance, os.W_OK):
        raise BadSetting(f"{PREFIX}INSTANCE: {instance} cannot be written")


def _stored_secret_key(instance: Path) -> str:
    """The key in the instance folder, created at the first start. Processes that start together use the same key."""
    file = instance / "secret_key"
    if not file.exists():
        temporary = instance / f"secret_key.{secrets.token_hex(4)}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_urlsafe(48))
            out.flush()
            os.fsync(out.fileno())
        try:
            with suppress(FileExistsError):
                os.link(temporary, file)
        finally:
            temporary.unlink()
    try:
        return values.secret_key(file.read_text().strip())
    except ValueError as problem:
        raise BadSetting(f"{PREFIX}SECRET_KEY: {problem} (from {file})") from None
