"""T34 the OPA server times out, answers 500, `{}`, `"true"` or anything else → deny, in bounded time."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opa_house import Answer, FalseOpa, false_opa, reply
from small_city import ask, files

from exchange.errors import ConfigError, Unavailable
from exchange.policy.bundle import Bundle, load
from exchange.policy.engines.choice import open_engine
from exchange.policy.engines.settings import RegoSettings

LIMIT_MS = 400
GOOD: list[dict[str, Any]] = [{"allow": [True]}]


@contextlib.contextmanager
def city_on(answer: Answer, **settings: Any) -> Iterator[tuple[Bundle, FalseOpa]]:
    with false_opa(answer) as opa:
        engine = open_engine(RegoSettings(engine="opa", url=opa.url, timeout_ms=LIMIT_MS, **settings))
        try:
            yield load(files(), 1, engine=engine), opa
        finally:
            engine.close()


def said(result: object) -> Answer:
    return reply(200, json.dumps({"result": result}).encode())


def test_t34_exactly_what_was_asked_for_opens() -> None:
    with city_on(said(GOOD)) as (bundle, _):
        assert ask(bundle).decision.allowed


@pytest.mark.parametrize(
    "result",
    [
        True,
        "true",
        [],
        {},
        None,
        [True],
        [{"allow": True}],
        [{"allow": []}],
        [{"allow": ["true"]}],
        [{"allow": [1]}],
        [{"allow": [True, True]}],
        [{"allow": [True], "more": []}],
        [{"allowed": [True]}],
        [{"allow": [True]}, {"allow": [True]}],
        [{"allow": [{"result": True}]}],
    ],
    ids=str,
)
def test_t34_any_other_result_denies(result: object) -> None:
    with city_on(said(result)) as (bundle, _):
        decision = ask(bundle).decision
        assert not decision.allowed
        assert decision.reason in {"condition-failed", "condition-not-met"}


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b"{}"),
        reply(200, b"true"),
        reply(200, b'"true"'),
        reply(200, b""),
        reply(200, b'{"result": [{"allow": [true]}]'),
        reply(200, b'{"result": [{"allow": [true]}], "warning": {}}'),
        reply(200, b"\xff\xfe"),
        reply(500, b'{"result": [{"allow": [true]}]}'),
        reply(503, b""),
        reply(404, b"{}"),
        reply(401, b"{}"),
    ],
)
def test_t34_any_other_answer_denies(answer: Answer) -> None:
    with city_on(answer) as (bundle, _):
        assert ask(bundle).decision.reason == "condition-failed"


def test_t34_a_redirection_is_not_followed() -> None:
    with false_opa(said(GOOD)) as elsewhere:
        away = reply(307, b"", Location=f"{elsewhere.url}/v1/data/x")
        with city_on(away) as (bundle, _):
            assert ask(bundle).decision.reason == "condition-failed"
        assert elsewhere.seen == []


def test_t34_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with false_opa(said(GOOD)) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("no_proxy", "")
        with city_on(said(GOOD)) as (bundle, _):
            assert ask(bundle).decision.allowed
        assert proxy.seen == []


def test_t34_silence_denies_within_the_time_limit() -> None:
    quiet = threading.Event()
    with city_on(lambda _: quiet.wait(30) and None) as (bundle, _):
        began = time.monotonic()
        assert ask(bundle).decision.reason == "condition-failed"
        assert time.monotonic() - began < 10 * LIMIT_MS / 1000
        quiet.set()


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"], ids=["head", "body"]
)
def test_t34_an_answer_byte_by_byte_denies_within_the_time_limit(head: bytes) -> None:
    stop = threading.Event()

    def drip(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head)
        with contextlib.suppress(OSError):
            while not stop.wait(0.05):
                handler.wfile.write(b"H")
        handler.close_connection = True

    with city_on(drip) as (bundle, _):
        began = time.monotonic()
        assert ask(bundle).decision.reason == "condition-failed"
        assert time.monotonic() - began < 10 * LIMIT_MS / 1000
        stop.set()


def test_t34_an_endless_answer_is_cut_off() -> None:
    def flood(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(b" " * 65536)

    with city_on(flood) as (bundle, _):
        assert ask(bundle).decision.reason == "condition-failed"


def test_t34_the_token_goes_along_and_nowhere_else(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    with city_on(said(GOOD), token_file=token) as (bundle, opa):
        assert ask(bundle).decision.allowed
    assert {seen[2] for seen in opa.seen} == {"Bearer s3cret"}


@pytest.mark.parametrize("content", ["", " \n", "two\nlines", "密"])
def test_t34_a_file_without_a_token_is_refused(tmp_path: Path, content: str) -> None:
    token = tmp_path / "token"
    token.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match="holds no token"):
        open_engine(RegoSettings(engine="opa", token_file=token))


@pytest.mark.parametrize(
    "url",
    [
        "http://opa.example:8181",
        "http://localhost:8181",
        "ftp://127.0.0.1",
        "127.0.0.1:8181",
        "file:///etc/passwd",
        "https://user:word@opa.example",
        "https://opa.example/v1",
        "https://opa.example?x=1",
        "unix:///run/opa",
    ],
)
def test_t34_only_https_or_this_machine_can_be_configured(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        RegoSettings(engine="opa", url=url)


def test_t34_a_server_that_is_not_there_stops_the_start_and_names_the_mend() -> None:
    with false_opa(said(GOOD)) as gone:
        pass
    engine = open_engine(RegoSettings(engine="opa", url=gone.url, timeout_ms=LIMIT_MS))
    with pytest.raises(Unavailable, match="does not take the modules") as caught:
        load(files(), 1, engine=engine)
    assert caught.value.hint.startswith("start it")
    engine.close()
