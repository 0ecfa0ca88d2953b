"""The files of docs/deploy name only commands, settings and files that exist, in an order that works."""

import json
import os
import re
import subprocess
from pathlib import Path

import click

from app.cli import assent
from app.config import ROOT, SETTINGS
from app.setting_values import GATEWAYS
from app.web.api.error_codes import CODES
from app.web.api.insider import UPSERT_BYTES_MAX
from app.web.working_slots import SLOTS_ON_POSTGRESQL

FOLDER = ROOT / "docs" / "deploy"
TEXTS = {path.name: path.read_text() for path in sorted(FOLDER.iterdir())}


def test_every_named_setting_exists() -> None:
    settings = {setting.variable for setting in SETTINGS}
    for name, text in TEXTS.items():
        assert set(re.findall(r"ASSENT_[A-Z_]+", text)) <= settings, name


def test_every_named_command_exists() -> None:
    command_line = re.compile(r"(?:bin/assent |^    assent |\"assent\", |web assent )([a-z\"][\w\", -]*)", re.MULTILINE)
    for name, text in TEXTS.items():
        for found in command_line.findall(text.replace('"$@"', "")):
            words = re.findall(r"[a-z][a-z-]+", found)
            command = assent.commands[words[0]]
            if isinstance(command, click.Group):
                assert words[1] in command.commands, f"{name}: {found}"


def test_the_wrapper_runs_the_command_with_the_settings_of_the_services(tmp_path: Path) -> None:
    settings, program, ran = tmp_path / "assent.env", tmp_path / "assent", tmp_path / "ran"
    program.write_text(f'#!/bin/sh\nprintf \'%s|\' "$ASSENT_SECRET_KEY" "$ASSENT_INSTANCE" "$@" > {ran}\n')
    program.chmod(0o755)
    script = TEXTS["assent"].replace("/etc/assent/assent.env", str(settings)).replace("runuser -u assent -- ", "")
    script = script.replace("/srv/assent/.venv/bin/assent", str(program))
    env = {"PATH": os.environ["PATH"]}

    def run() -> "subprocess.CompletedProcess[str]":
        command = ["sh", "-c", script, "assent", "backup", "a file"]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    assert "run this as root" in run().stderr
    settings.write_text("# a comment\n\nASSENT_SECRET_KEY='a $key; touch x'\nASSENT_PUBLIC_URL=https://a.example/?b=c")
    assert run().returncode == 0
    assert ran.read_text() == "a $key; touch x|/var/lib/assent|backup|a file|"
    settings.write_text("touch x\n")
    assert "sets nothing" in run().stderr


def test_the_wrapper_is_installed_before_it_is_used() -> None:
    page = TEXTS["README.md"]
    machine = page[page.index("## On a machine") : page.index("## HTTPS")]
    assert machine.index("docs/deploy/assent /usr/local/bin/assent") < machine.index("    assent db upgrade")
    assert machine.index("assent db upgrade") < machine.index("assent create-admin") < machine.index("systemctl enable")
    for folder in set(re.findall(r"assent (?:backup|restore)[\w -]* (/[\w/]+)/", page)) - {"/backup"}:
        assert re.search(rf"install -d .*{folder}", page), f"{folder} must be created"


def test_an_upgrade_stops_all_processes_before_it_installs_and_migrates() -> None:
    page = TEXTS["README.md"]
    steps = ["assent backup", "systemctl stop", "git pull", "--require-hashes", "--no-deps", "assent db upgrade"]
    upgrade = page[page.index("\n## Upgrade") :]
    places = [upgrade.index(step) for step in [*steps, "systemctl start"]]
    assert places == sorted(places)


def test_the_page_counts_connections_by_the_slots_of_the_server() -> None:
    words = {4: "four", 6: "six", 8: "eight", 12: "twelve", 16: "sixteen"}
    slots = SLOTS_ON_POSTGRESQL
    sentence = f"count {2 * slots} for each process of a web server ({words[slots]} requests at work"
    assert sentence in " ".join(TEXTS["README.md"].split())


def test_no_proxy_logs_urls_of_forms_or_gives_up_on_all_servers_when_one_fails() -> None:
    servers = TEXTS["nginx.conf"].split("\nserver {")[1:]
    assert len(servers) == 2
    for server in servers:
        assert "access_log off;" in server
        assert re.search(r"error_log \S+ crit;", server)
    assert "exclude http.log.error http.handlers.reverse_proxy" in TEXTS["Caddyfile"]
    assert "health_uri" not in TEXTS["Caddyfile"]
    assert "UPSTREAM: dynamic a web 8000" in TEXTS["compose.yaml"]


def test_nginx_answers_calls_of_the_api_with_errors_in_json_that_the_api_knows() -> None:
    text = TEXTS["nginx.conf"]
    assert "error_page 413 @too_large;" in text
    assert "error_page 502 504 @unavailable;" in text
    bodies = [json.loads(body) for body in re.findall(r"return \d+ '(.*)';", text)]
    assert len(bodies) == 2
    for body in bodies:
        assert (body["type"], body["request_id"]) == ("error.list", None)
        assert {each["code"] for each in body["errors"]} <= set(CODES)


def test_both_proxies_pass_on_the_largest_body_of_the_api() -> None:
    limits = re.findall(
        r"(?:client_max_body_size|max_size|request_buffers) (\d+)M?B?m?", TEXTS["nginx.conf"] + TEXTS["Caddyfile"]
    )
    assert len(limits) == 3
    assert all(int(megabytes) * 1_000_000 >= UPSERT_BYTES_MAX for megabytes in limits)


def test_containers_take_the_settings_of_every_gateway() -> None:
    begins = ("sms_gateway", *(f"{name}_" for name in GATEWAYS))
    gateways = {each.variable for each in SETTINGS if each.name.startswith(begins)}
    passed = set(re.findall(r"(ASSENT_[A-Z_]+): \$\{\1:-\}", TEXTS["compose.yaml"]))
    assert gateways - passed == {"ASSENT_TWILIO_API_URL"}  # for tests


def test_services_start_again_however_often_they_fail() -> None:
    for name in ("assent-web@.service", "assent-worker@.service"):
        head = TEXTS[name][: TEXTS[name].index("[Service]")]
        assert "StartLimitIntervalSec=0" in head


def test_the_image_holds_all_that_runs() -> None:
    copied = set(re.findall(r"^COPY (\S+) \S+$", TEXTS["Dockerfile"], re.MULTILINE))
    assert copied == {".ci", "app", "templates", "static"}
    let_in = set(re.findall(r"^!(\S+)$", TEXTS["Dockerfile.dockerignore"], re.MULTILINE))
    assert let_in == copied | {"requirements.txt", "pyproject.toml", "README.md", "LICENSE"}


def test_every_file_that_the_page_links_to_is_there() -> None:
    linked = set(re.findall(r"\]\(([^)]+)\)", TEXTS["README.md"]))
    assert linked
    assert linked <= set(TEXTS)
