"""Outgoing HTTP: refused addresses, time limits, and the limit of the body."""

import ipaddress
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import http_client as http
from app.http_client import Connections, Failed, Limits, Reach, Refused, Resolver, Response
from app.http_client.exchange import ssl_context
from tests.processes import PATIENCE_S

QUICK = Limits(connect_s=1, total_s=1)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.8.9.1", "127.1", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "0", "0.0.0.0"),  # noqa: S104
        *(
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
        ),
        *("192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "192.88.99.1"),
        *("224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255"),
        *("[::]", "[::1]", "[::127.0.0.1]", "[fe80::1]", "[fec0::1]", "[fc00::1]", "[fd12::1]", "[ff02::1]"),
        *("[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]", "[64:ff9b::a00:1]"),
        *("[64:ff9b:1::1]", "[2001:db8::1]", "[2001::1]", "[2002:7f00:1::]", "[2002:a00:1::]", "[100::1]", "[3fff::1]"),
        *("localhost", "LOCALHOST.", "any.localhost", "１２７。０。０。１"),
    ],
)
def test_private_and_reserved_addresses_are_refused(host: str) -> None:
    with pytest.raises(Refused):
        http.read_url(f"https://{host}/hook")
    with pytest.raises(Refused):
        http.request("POST", f"http://{host}:9/hook", body=b"", limits=QUICK)


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "127.0.0.1",
        "169.254.169.254",
        "::1",
        "fe80::1%eth0",
        "::ffff:192.168.0.1",
        "64:ff9b::7f00:1",
        "junk",
    ],
)
def test_a_name_that_resolves_to_such_an_address_is_refused(address: str) -> None:
    with pytest.raises(Refused):
        get("https://hooks.example.com/", lambda _host, _port: [address])


@given(st.ip_addresses())
def test_every_address_that_python_considers_private_is_refused(address: ipaddress.IPv4Address) -> None:
    shown = f"[{address}]" if address.version == 6 else str(address)
    if not address.is_global or address.is_multicast:
        with pytest.raises(Refused):
            http.read_url(f"http://{shown}/")


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "93.184.216.34", "[2606:4700::1111]", "[64:ff9b::808:808]", "[::ffff:8.8.8.8]"]
)
def test_public_addresses_are_allowed(host: str) -> None:
    assert http.read_url(f"https://{host}/").port == 443


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks.example.com", "//hooks.example.com/x", "ftp://example.com/", "file:///etc/passwd", "javascript:1"),
        *("https://", "https:///x", "https://exa mple.com/", "https://example.com/a b", "https://example.com/\r\nX: y"),
        *(
            "https://sam@example.com/",
            "https://sam:secret@example.com/",
            "https://:@example.com/",
            "https://@example.com/",
        ),
        *("https://example.com:0/", "https://example.com:70000/", "https://example.com:x/", "https://[::1/"),
        *("https://example.com\\@127.0.0.1/", "https://exämple..com/", "https://a%00b/", "https://1.2.3.4.5.6/x" * 200),
    ],
)
def test_invalid_urls_and_urls_with_credentials_are_refused(url: str) -> None:
    with pytest.raises(Refused):
        http.read_url(url)


def test_a_url_keeps_its_path_and_query_and_may_have_an_international_name() -> None:
    target = http.read_url("https://Bücher.example:8443/Ä/hook?to=ü&x=1#part")
    assert (target.host, target.port) == ("xn--bcher-kva.example", 8443)
    assert target.path == "/%C3%84/hook?to=%C3%BC&x=1"
    assert http.read_url("https://straße.example/").host == "xn--strae-oqa.example"
    assert http.read_url("https://i❤.ws/").host == "xn--i-7iq.ws"


def test_loopback_is_reached_only_when_allowed_and_no_other_private_address_with_it() -> None:
    with server(lambda peer: peer.sendall(OK)) as port:
        response = http.request("GET", f"http://localhost:{port}/", reach=Reach.LOOPBACK_TOO)
        assert (response.status, response.body, response.is_cut) == (200, b"ok", False)
        with pytest.raises(Refused):
            http.request("GET", f"http://localhost:{port}/")
    for other in ("10.0.0.1", "169.254.169.254", "[fe80::1]", "0.0.0.0"):  # noqa: S104
        with pytest.raises(Refused):
            http.read_url(f"http://{other}/", Reach.LOOPBACK_TOO)


def test_dns_rebinding_has_no_effect() -> None:
    """The name has an allowed address when it is checked and another one when it is resolved again."""
    resolved: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        resolved.append(host)
        return ["192.0.2.1"] if len(resolved) > 1 else ["127.0.0.1"]

    reached: list[bytes] = []
    with server(lambda peer: (reached.append(peer.recv(999)), peer.sendall(OK))) as port:
        url = f"http://hooks.example.com:{port}/in?a=b"
        assert get(url, rebinding, Reach.LOOPBACK_TOO).body == b"ok"
        assert resolved == ["hooks.example.com"], "resolved once, and connected to the checked address"
        assert b"GET /in?a=b HTTP/1.1\r\n" in reached[0]
        assert f"Host: hooks.example.com:{port}\r\n".encode() in reached[0]
        flips = iter([["93.184.216.34"], ["127.0.0.1"]])
        with pytest.raises((Refused, Failed)):
            get(url, lambda *_: next(flips), limits=QUICK)
        assert len(reached) == 1


def test_only_the_allowed_ones_of_several_addresses_are_tried() -> None:
    reached: list[bytes] = []
    with server(lambda peer: (reached.append(peer.recv(999)), peer.sendall(OK))) as port:
        mixed = ["10.0.0.1", "127.0.0.1"]
        url = f"http://hooks.example.com:{port}/"
        assert get(url, lambda *_: mixed, Reach.LOOPBACK_TOO).status == 200
        with pytest.raises(Refused):
            get(url, lambda *_: mixed)
    assert len(reached) == 1


def test_a_redirect_is_returned_and_never_followed() -> None:
    reached: list[bytes] = []
    with server(lambda peer: (reached.append(peer.recv(999)), peer.sendall(OK))) as inner:
        moved = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{inner}/\r\nContent-Length: 0\r\n\r\n".encode()
        with server(lambda peer: peer.sendall(moved)) as port:
            response = http.request("GET", f"http://127.0.0.1:{port}/", reach=Reach.LOOPBACK_TOO)
    assert (response.status, response.headers["Location"]) == (302, f"http://127.0.0.1:{inner}/")
    assert reached == []


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    proxied: list[bytes] = []
    with server(lambda peer: proxied.append(peer.recv(999))) as proxy, server(lambda peer: peer.sendall(OK)) as port:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        assert http.request("GET", f"http://127.0.0.1:{port}/", reach=Reach.LOOPBACK_TOO).status == 200
    assert proxied == []


def test_the_request_is_sent_as_it_was_given() -> None:
    received: list[bytes] = []

    def listen(peer: socket.socket) -> None:
        while b"}" not in b"".join(received):
            received.append(peer.recv(999))
        peer.sendall(b"HTTP/1.1 204 No Content\r\nX-Reply: yes\r\n\r\n")

    with server(listen) as port:
        headers = {"Content-Type": "application/json", "webhook-id": "one"}
        url = f"http://127.0.0.1:{port}/hook"
        response = http.request("POST", url, body=b'{"a":1}', headers=headers, reach=Reach.LOOPBACK_TOO)
    assert (response.status, response.headers["X-Reply"], response.body) == (204, "yes", b"")
    sent = b"".join(received).decode()
    assert sent.startswith("POST /hook HTTP/1.1\r\n")
    for line in (f"Host: 127.0.0.1:{port}", "Content-Type: application/json", "webhook-id: one", "Content-Length: 7"):
        assert f"\r\n{line}\r\n" in sent
    assert sent.endswith('\r\n\r\n{"a":1}')


@pytest.mark.parametrize(
    "slow_bytes",
    [
        pytest.param(b"", id="sends nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 500, id="slow headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 500, id="slow body without a length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + b"a" * 500, id="slow body"),
    ],
)
def test_a_slow_response_fails_at_the_time_limit(slow_bytes: bytes) -> None:
    def answer(peer: socket.socket) -> None:
        for place in range(len(slow_bytes)):
            peer.sendall(slow_bytes[place : place + 1])
            time.sleep(0.05)
        while peer.recv(65_536):  # until the client closes the connection
            pass

    with server(answer) as port:
        started_s = time.monotonic()
        with pytest.raises(Failed, match="No answer within 1 seconds"):
            http.request("GET", f"http://127.0.0.1:{port}/", limits=QUICK, reach=Reach.LOOPBACK_TOO)
        assert time.monotonic() - started_s < PATIENCE_S / 2


def test_a_body_is_read_up_to_the_limit_only() -> None:
    sent: list[int] = []

    def flood(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        sent.extend(peer.send(b"a" * 100_000) for _ in range(2000))

    with server(flood) as port:
        limits = Limits(body_bytes=1000)
        response = http.request("GET", f"http://127.0.0.1:{port}/", limits=limits, reach=Reach.LOOPBACK_TOO)
    assert (response.body, response.is_cut) == (b"a" * 1000, True)
    assert sum(sent) < 20_000_000


def test_a_compressed_body_is_not_decompressed() -> None:
    packed = b"\x1f\x8b\x08bomb"
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\n"
    with server(lambda peer: peer.sendall(head + packed)) as port:
        assert http.request("GET", f"http://127.0.0.1:{port}/", reach=Reach.LOOPBACK_TOO).body == packed


@pytest.mark.parametrize(
    ("sent_bytes", "sentence"),
    [
        (b"", "closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", "broke"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "broke"),
    ],
)
def test_an_incomplete_or_invalid_response_fails_with_one_sentence(sent_bytes: bytes, sentence: str) -> None:
    with server(lambda peer: (peer.recv(999), peer.sendall(sent_bytes))) as port, pytest.raises(Failed, match=sentence):
        http.request("GET", f"http://127.0.0.1:{port}/", reach=Reach.LOOPBACK_TOO)


def test_a_closed_port_and_an_unknown_name_fail_with_one_sentence() -> None:
    with server(lambda _peer: None) as port:
        pass
    with pytest.raises(Failed, match="refused"):
        http.request("GET", f"http://127.0.0.1:{port}/", reach=Reach.LOOPBACK_TOO)
    with pytest.raises(Failed, match="no address"):
        get("http://hooks.example.com/", lambda *_: [])
    with pytest.raises(Failed, match="cannot be resolved"):
        http.request("GET", "http://no-such-name.invalid/")


def test_resolving_has_the_time_limit_of_connecting() -> None:
    released, started_s = threading.Event(), time.monotonic()

    def hang(_host: str, _port: int) -> list[str]:
        released.wait(PATIENCE_S)
        return ["127.0.0.1"]

    with pytest.raises(Failed, match=r"could not be resolved within 0\.2 seconds"):
        get("http://hooks.example.com/", hang, limits=Limits(connect_s=0.2, total_s=5))
    assert time.monotonic() - started_s < PATIENCE_S / 2
    released.set()


def test_tls_sends_the_name_and_requires_a_trusted_certificate_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=hooks"
    more = ["-addext", "subjectAltName=DNS:hooks.example.com", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *more], check=True, capture_output=True)
    server_names: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda _socket, name, _context: server_names.append(name)

    def answer(peer: socket.socket) -> None:
        with context.wrap_socket(peer, server_side=True) as safe:
            safe.recv(999)
            safe.sendall(OK)

    def ask(port: int, name: str) -> int:
        url, local = f"https://{name}:{port}/", ["127.0.0.1"]
        return get(url, lambda *_: local, Reach.LOOPBACK_TOO).status

    ssl_context.cache_clear()
    with server(answer) as port:
        with pytest.raises(Failed, match="cannot be trusted"):
            ask(port, "hooks.example.com")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        ssl_context.cache_clear()
        assert ask(port, "hooks.example.com") == 200
        with pytest.raises(Failed, match="cannot be trusted"):
            ask(port, "other.example.com")
    ssl_context.cache_clear()
    assert server_names == ["hooks.example.com", "hooks.example.com", "other.example.com"]


def get(url: str, resolve: Resolver, reach: Reach = Reach.INTERNET, limits: Limits | None = None) -> Response:
    """The response of an address whose name ``resolve`` resolves."""
    connections = Connections(reach, limits, resolve=resolve)
    try:
        return connections.request("GET", url)
    finally:
        connections.close()


@contextmanager
def server(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """A port that gives each connection to ``answer`` and closes it afterwards."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.05)
    stopping = threading.Event()

    def serve(peer: socket.socket) -> None:
        with peer:
            peer.settimeout(PATIENCE_S)
            try:
                answer(peer)
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(65_536):
                    pass
            except OSError:
                pass

    def accept() -> None:
        while not stopping.is_set():
            try:
                peer, _ = listening.accept()
            except TimeoutError:
                continue
            threading.Thread(target=serve, args=(peer,), daemon=True).start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        stopping.set()
        accepting.join()
        listening.close()
