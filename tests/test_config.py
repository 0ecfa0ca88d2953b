"""Settings: from the environment, config.toml or defaults; an invalid one is refused with its name."""

import stat
import threading
from pathlib import Path

import pytest

from app import config
from app.config import BadSetting

KEY = "k" * 32


def load(folder: Path, **environ: str) -> config.Settings:
    return config.load(
        {"ASSENT_INSTANCE": str(folder)} | {f"ASSENT_{name.upper()}": value for name, value in environ.items()}
    )


def test_the_defaults_are_sqlite_and_a_new_key_in_the_instance_folder(tmp_path: Path) -> None:
    settings = load(tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    assert settings.instance == folder
    assert settings.database_url == f"sqlite:///{folder / 'assent.db'}"
    assert settings.is_sqlite
    assert stat.S_IMODE((folder / "secret_key").stat().st_mode) == 0o600
    assert len(settings.secret_key) >= 32
    assert load(folder).secret_key == settings.secret_key
    assert [path.name for path in folder.iterdir()] == ["secret_key"]


def test_processes_that_start_at_the_same_time_use_one_key(tmp_path: Path) -> None:
    barrier, keys = threading.Barrier(8), set()

    def start() -> None:
        barrier.wait()
        keys.add(load(tmp_path).secret_key)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trusted_proxies", "-1"),
        ("trusted_proxies", "one"),
        ("trusted_proxies", "1.5"),
        ("trusted_proxies", "9999999999"),
        *(("public_url", f"https://{each}") for each in ("a.test:99999", "a.test:x", "u:p@a.test", "[a", "a b")),
        ("public_url", "https://consent.example.com#top"),
        ("public_url", "consent.example.com"),
        ("public_url", "https://consent.example.com/path"),
        ("database_url", "mysql://db/assent"),
        ("database_url", "postgresql://db:port/assent"),
        *(("database_url", f"sqlite:///{each}") for each in ("", ":memory:", "/no/such/folder/assent.db", "/usr")),
        *(("smtp_url", f"smtp://m.example{each}") for each in (":x", "?from=no", "?frm=a@b.example", "?from=")),
        ("metrics_token", "two words"),
        ("metrics_token", "clé"),
        ("redis_url", "127.0.0.1:6379"),
        ("redis_url", "redis://127.0.0.1:x/0"),
        ("ledger_head_file", "/usr"),
        ("kannel_sendsms_url", "http://127.0.0.1:x/cgi-bin/sendsms"),
        ("kannel_sendsms_url", "http://user:password@127.0.0.1/cgi-bin/sendsms"),
        ("secret_key", "short"),
        ("sms_gateway", "pigeon"),
        ("smtp_url", "mail.example.com"),
        ("allow_loopback", "perhaps"),
        ("twilio_account_sid", "AC123"),
        ("twilio_messaging_service_sid", "AC" + "0" * 32),
        ("twilio_from", "a name that is too long"),
        ("kannel_sendsms_url", "127.0.0.1:13013"),
        ("kannel_from", "12"),
    ],
)
def test_an_invalid_value_is_refused_with_name_and_source_but_no_secret(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting) as refused:
        load(tmp_path, **{name: value})
    assert str(refused.value).startswith(f"ASSENT_{name.upper()}: ")
    assert "(from environment)" in str(refused.value)
    (tmp_path / "config.toml").write_text(f'{name} = "{value}"\n')
    with pytest.raises(BadSetting) as refused:
        load(tmp_path)
    assert str(refused.value).startswith(f"ASSENT_{name.upper()}: ")
    assert "config.toml" in str(refused.value)
    if name == "secret_key":
        assert value not in str(refused.value)


def test_the_environment_overrides_the_file_and_the_file_the_default(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        'trusted_proxies = 2\nallow_loopback = true\npublic_url = "https://a.example.com"\n'
    )
    settings = load(tmp_path, trusted_proxies="1", public_url=" ")
    assert (settings.trusted_proxies, settings.allow_loopback) == (1, True)
    assert settings.public_url == "https://a.example.com"
    assert settings.sources["trusted_proxies"] == "environment"
    assert settings.sources["public_url"] == str(tmp_path / "config.toml")
    assert settings.sources["smtp_url"] == "default"


@pytest.mark.parametrize("content", ["trusted_proxies = [1]", "trusted_proxis = 1", 'instance = "/tmp"', "not toml"])
def test_an_invalid_file_stops_the_start(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(content)
    with pytest.raises(BadSetting, match=r"config\.toml"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        ('instance = "/tmp"', "ASSENT_INSTANCE: only the environment can set it"),
        ('ASSENT_PUBLIC_URL = "https://a.example.com"', "did you mean public_url?"),
        ('public_ur = "https://a.example.com"', "did you mean public_url?"),
        ('chatwoot_url = "https://a.example.com"', "ASSENT_CHATWOOT_URL: this version"),
    ],
)
def test_a_name_that_the_file_cannot_set_is_answered_with_what_to_write(
    content: str, answer: str, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(content)
    with pytest.raises(BadSetting) as refused:
        load(tmp_path)
    assert answer in str(refused.value)


def test_the_file_is_utf_8_in_every_locale_and_may_begin_with_a_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("locale.getencoding", lambda: "latin-1")
    (tmp_path / "config.toml").write_bytes('\ufeffkannel_username = "José"'.encode())
    assert load(tmp_path).kannel_username == "José"


_TWILIO = {"twilio_account_sid": "AC" + "a" * 32, "twilio_auth_token": "t", "twilio_from": "+15551234567"}
_KANNEL = {
    "kannel_sendsms_url": "http://127.0.0.1:13013/cgi-bin/sendsms",
    "kannel_username": "assent",
    "kannel_password": "p",
    "kannel_from": "Acme",
    "kannel_secret": "s",
}


@pytest.mark.parametrize(("gateway", "needed"), [("twilio", _TWILIO), ("kannel", _KANNEL)])
def test_a_gateway_that_lacks_a_setting_stops_the_start_with_its_name(
    gateway: str, needed: dict[str, str], tmp_path: Path
) -> None:
    complete = {"sms_gateway": gateway, "public_url": "https://consent.example.com"} | needed
    assert load(tmp_path, **complete).sms_gateway == gateway
    for name in (*needed, "public_url"):
        first = "twilio_messaging_service_sid" if name == "twilio_from" else name  # one of the two is needed
        reason = f"^ASSENT_{first.upper()}: needed, because ASSENT_SMS_GATEWAY is {gateway}"
        with pytest.raises(BadSetting, match=reason):
            load(tmp_path, **{key: value for key, value in complete.items() if key != name})
    load(tmp_path, **(complete | {"sms_gateway": "sandbox"}))


@pytest.mark.parametrize("name", ["INTERCOM_TOKEN", "CHATWOOT_URL"])
def test_a_setting_of_a_feature_to_come_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(config.BadSetting, match=f"^ASSENT_{name}: "):
        config.load({"ASSENT_INSTANCE": str(tmp_path), f"ASSENT_{name}": "x"})
    (tmp_path / "config.toml").write_text(f'{name.lower()} = "x"\n')
    with pytest.raises(config.BadSetting, match=f"^ASSENT_{name}: "):
        config.load({"ASSENT_INSTANCE": str(tmp_path)})


def test_an_unknown_setting_gives_a_warning_with_the_most_similar_name(tmp_path: Path) -> None:
    settings = load(tmp_path, trusted_proxy="1")
    assert settings.warnings == ("ASSENT_TRUSTED_PROXY: no such setting; did you mean ASSENT_TRUSTED_PROXIES?",)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_scheme_of_postgresql_is_accepted(scheme: str, tmp_path: Path) -> None:
    settings = load(tmp_path, database_url=f"{scheme}://assent@db.example.com/assent")
    assert settings.database_url == "postgresql+psycopg://assent@db.example.com/assent"
    assert not settings.is_sqlite


def test_secrets_are_hidden(tmp_path: Path) -> None:
    secrets = {
        "secret_key": KEY,
        "smtp_url": "smtp://user:mail-word@mail.example.com",
        "metrics_token": "scrape-word",
        "redis_url": "redis://:redis-word@cache/0",
        "database_url": "postgresql://me:base-word@db/assent",
        "twilio_auth_token": "auth-word",
        "twilio_webhook_key": "key-word",
        "kannel_password": "kannel-word",
        "kannel_secret": "hook-word",
    }
    settings = load(tmp_path, **secrets)
    rows = config.describe(settings)
    assert [row[0] for row in rows] == [setting.variable for setting in config.SETTINGS]
    hidden = {row[0] for row in rows if row[1] == "(hidden)"}
    assert hidden == {f"ASSENT_{name.upper()}" for name in secrets} - {"ASSENT_DATABASE_URL"}
    assert ("ASSENT_DATABASE_URL", "postgresql://me:***@db/assent", "environment") in rows
    words = (
        KEY,
        "base-word",
        "mail-word",
        "scrape-word",
        "redis-word",
        "auth-word",
        "key-word",
        "kannel-word",
        "hook-word",
    )
    assert not any(word in repr(settings) for word in words)


def test_a_folder_that_cannot_be_created_is_refused_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSetting, match="ASSENT_INSTANCE"):
        load(tmp_path / "file" / "below")


@pytest.mark.parametrize("content", [b"short", b"\xff" * 40])
def test_a_truncated_or_damaged_key_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret_key").write_bytes(content)
    with pytest.raises(BadSetting, match="ASSENT_SECRET_KEY"):
        load(tmp_path)


def test_the_example_file_has_every_setting_and_is_valid(tmp_path: Path) -> None:
    example = (config.ROOT / "instance" / "config.example.toml").read_text()
    (tmp_path / "config.toml").write_text(example)
    load(tmp_path)
    listed = {line.removeprefix("# ").partition(" = ")[0] for line in example.splitlines() if " = " in line}
    assert listed == {setting.name for setting in config.SETTINGS} - {"instance"}
    uncommented = [line.removeprefix("# ") for line in example.splitlines() if " = " in line]
    text = "\n".join(uncommented).replace("…", "x" * 40)
    (tmp_path / "config.toml").write_text(text)
    load(tmp_path)


def make_package(place: Path, *, checkout: bool) -> Path:
    (place / "app").mkdir(parents=True)
    if checkout:
        (place / "pyproject.toml").write_text("[project]\n")
    return place / "app"


def test_a_checkout_has_state_templates_and_static_files_beside_the_package(tmp_path: Path) -> None:
    package = make_package(tmp_path, checkout=True)
    assert config.is_checkout(package)
    assert config.is_checkout()
    assert config.state_folder({"XDG_STATE_HOME": "/var/state"}, package) == tmp_path / "instance"
    assert config.resource_folder("templates", package) == tmp_path / "templates"
    assert config.resource_folder("static").is_dir()


def test_an_installed_package_has_templates_inside_and_state_outside(tmp_path: Path) -> None:
    package = make_package(tmp_path / "site-packages", checkout=False)
    assert not config.is_checkout(package)
    assert config.resource_folder("templates", package) == package / "templates"
    assert config.state_folder({"XDG_STATE_HOME": "/var/state"}, package) == Path("/var/state/assent")


@pytest.mark.parametrize("state_home", ["", "  ", "relative/folder"])
def test_without_an_absolute_state_folder_an_installed_package_uses_the_home_folder(
    state_home: str, tmp_path: Path
) -> None:
    package = make_package(tmp_path, checkout=False)
    environ = {"XDG_STATE_HOME": state_home, "HOME": "/home/max"}
    assert config.state_folder(environ, package) == Path("/home/max/.local/state/assent")


def test_the_instance_setting_overrides_the_state_folder(tmp_path: Path) -> None:
    settings = config.load({"ASSENT_INSTANCE": str(tmp_path / "chosen"), "XDG_STATE_HOME": str(tmp_path / "state")})
    assert settings.instance == tmp_path / "chosen"
    assert not (tmp_path / "state").exists()
