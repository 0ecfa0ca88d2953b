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
from urllib.parse import urlsplit

VERSION = "0.1.0"
PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
PREFIX = "ASSENT_"
# Settings of later features are refused, so that no operator relies on a gateway that does not exist yet.
LATER_PREFIXES = ("TWILIO_", "KANNEL_", "INTERCOM_", "CHATWOOT_")


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


def _text(value: str) -> str:
    return value.strip()


def _whole_number(value: str) -> int:
    number = int(value)
    if number < 0:
        raise ValueError("must not be negative")
    return number


def _boolean(value: str) -> bool:
    lowered = value.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("must be true or false")


def _web_address(value: str) -> str:
    parts = urlsplit(value.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("must be an address such as https://consent.example.com, without a path")
    return f"{parts.scheme}://{parts.netloc}"


def _database_url(value: str) -> str:
    for scheme in ("postgres://", "postgresql://", "postgresql+psycopg://"):
        if value.startswith(scheme):
            return "postgresql+psycopg://" + value.removeprefix(scheme)
    if value.startswith("sqlite:///"):
        return value
    raise ValueError("must begin with postgresql:// or sqlite:///")


def _secret_key(value: str) -> str:
    if len(value) < 32:
        raise ValueError("must have at least 32 characters")
    return value


def _gateway(value: str) -> str:
    if value != "sandbox":
        raise ValueError("this version carries texts by 'sandbox' only")
    return value


def _smtp_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"smtp", "smtps", "smtp+tls"} or not parts.hostname:
        raise ValueError("must look like smtp+tls://user:password@mail.example.com:587?from=assent@example.com")
    return value


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
    Setting("instance", _text, "", "folder for local state; default: instance/ of a checkout, else XDG's state folder"),
    Setting("database_url", _database_url, "", "default: SQLite in the instance folder", is_secret=True),
    Setting("secret_key", _secret_key, "", "default: made once, kept in the instance folder", is_secret=True),
    Setting("public_url", _web_address, "", "the address people reach this server by"),
    Setting("trusted_proxies", _whole_number, "0", "how many reverse proxies stand in front and set X-Forwarded-*"),
    Setting("sms_gateway", _gateway, "sandbox", "what carries texts"),
    Setting("smtp_url", _smtp_url, "", "mail server; without it one-time links are shown to the admin", is_secret=True),
    Setting("metrics_token", _text, "", "bearer token for /metrics; without one it is not served", is_secret=True),
    Setting("allow_loopback", _boolean, "false", "webhooks may go to loopback addresses (development only)"),
    Setting("redis_url", _text, "", "optional: shared rate limits", is_secret=True),
    Setting("ledger_head_file", _text, "", "file that the head of the ledger is appended to each day"),
)
_BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Settings:
    """The values of all settings. ``sources`` has the source of each value, by name."""

    instance: Path
    database_url: str
    secret_key: str = field(repr=False)
    public_url: str
    trusted_proxies: int
    sms_gateway: str
    smtp_url: str = field(repr=False)
    metrics_token: str = field(repr=False)
    allow_loopback: bool
    redis_url: str = field(repr=False)
    ledger_head_file: str
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
        if setting.is_secret and value and not (setting.name == "database_url" and settings.is_sqlite):
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
        content = tomllib.loads(file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadSetting(f"{file}: {problem}") from None
    for name, value in content.items():
        if name not in _BY_NAME or name == "instance":
            _refuse_later(name.upper())
            raise BadSetting(f"{PREFIX}{name.upper()}: no such setting (in {file}){_did_you_mean(name)}")
        if not isinstance(value, str | int | bool):
            raise BadSetting(f"{PREFIX}{name.upper()}: must be text, a number or true/false (in {file})")
    return {name: str(value) for name, value in content.items()}


def _unknown(environ: Mapping[str, str]) -> list[str]:
    names = sorted(name.removeprefix(PREFIX) for name in environ if name.startswith(PREFIX))
    for name in names:
        _refuse_later(name)
    unknown = [name for name in names if name.lower() not in _BY_NAME]
    return [f"{PREFIX}{name}: no such setting{_did_you_mean(name.lower())}" for name in unknown]


def _refuse_later(name: str) -> None:
    if name.startswith(LATER_PREFIXES):
        raise BadSetting(f"{PREFIX}{name}: this version does not do anything with it; remove it")


def _did_you_mean(name: str) -> str:
    near = difflib.get_close_matches(name, _BY_NAME, n=1)
    return f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""


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
    key = file.read_text().strip()
    try:
        return _secret_key(key)
    except ValueError as problem:
        raise BadSetting(f"{PREFIX}SECRET_KEY: {problem} (from {file})") from None
