"""One connection to the OPA server of the configuration: nowhere else, no second try, bounded answers."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import requests
from opa_client import OpaClient
from requests.adapters import HTTPAdapter

from exchange.errors import ConfigError
from exchange.policy.engines.settings import OPA_PORT, RegoSettings

ANSWER_BYTES_MAX = 4 << 20
_PIECE = 64 * 1024


class _Bounded(HTTPAdapter):
    """Reads an answer whole, up to a size and a deadline; requests itself bounds only each single read."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(max_retries=0)
        self._limit_s = limit_s

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        """The answer with its body.

        Raises:
            requests.exceptions.RequestException: too late, or too large.
        """
        deadline_s = time.monotonic() + self._limit_s
        options["stream"] = True
        response = super().send(request, *args, **options)
        body = bytearray()
        while piece := response.raw.read1(_PIECE, decode_content=True):
            body += piece
            if len(body) > ANSWER_BYTES_MAX or time.monotonic() > deadline_s:
                response.raw.close()
                raise requests.exceptions.Timeout("the answer is too long or too late")
        response.raw.release_conn()
        # The one place where requests keeps a body that was read already.
        response._content = bytes(body)  # noqa: SLF001
        return response


class Connection(OpaClient):  # type: ignore[misc]  # the package has no types
    """A client that follows no redirect, no proxy of the environment and no `.netrc`."""

    def __init__(self, settings: RegoSettings) -> None:
        """Prepare; nothing is sent yet.

        Raises:
            ConfigError: the token's file cannot be used.
        """
        parts = urlsplit(settings.url)
        secure: bool | str = parts.scheme == "https"
        if secure and settings.roots is not None:
            secure = str(settings.roots)
        super().__init__(
            host=f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname,
            port=parts.port or OPA_PORT,
            ssl=secure,
            token=_token(settings),
            retries=0,
            timeout=settings.timeout_ms / 1000,
        )

    def _init_session(self) -> requests.Session:
        session: requests.Session = super()._init_session()
        session.trust_env = False
        session.max_redirects = 0
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Bounded(self.timeout))
        return session


def _token(settings: RegoSettings) -> str | None:
    if settings.token_file is None:
        return None
    try:
        token = settings.token_file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        token = ""
    if not token or not token.isprintable() or len(token) > 4096:  # noqa: PLR2004 -- a header's usual bound
        raise ConfigError(f"{settings.token_file} holds no token", hint="one line of text")
    return token
