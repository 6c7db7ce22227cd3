"""A small OpenID Connect provider over real HTTP: metadata, keys, log-in page, tokens, log-out."""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "explorer", "known to both"
PEOPLE = ("ann@team.example", "eve@elsewhere.example")


@dataclass
class Provider:
    """What it has given out; its address ends without a slash."""

    address: str
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "end_session_endpoint": f"{self.address}/leave",
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "code_challenge_methods_supported": ["S256"],
        }

    def secrets_toml(self, app: str) -> str:
        """Streamlit's section for it, of an application at this address."""
        values = {
            "redirect_uri": f"{app}/oauth2callback",
            "cookie_secret": secrets.token_hex(16),
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "server_metadata_url": f"{self.address}/.well-known/openid-configuration",
        }
        return "\n".join(["[auth]", *(f"{k} = {json.dumps(v)}" for k, v in values.items())])

    def people_page(self, asked: dict[str, str]) -> str:
        """Who is there? Each link goes back with a code."""
        links = []
        for person in PEOPLE:
            code = secrets.token_hex(8)
            self.codes[code] = {**asked, "email": person}
            back = urlencode({"code": code, "state": asked["state"]})
            links.append(f'<a href="{asked["redirect_uri"]}?{back}">{person}</a>')
        return "<br>".join(links)

    def tokens(self, given: dict[str, str]) -> dict[str, Any]:
        """The answer to a code, which is good once."""
        asked, now = self.codes.pop(given["code"]), int(time.time())
        claims = {
            "iss": self.address,
            "sub": asked["email"],
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 600,
            "nonce": asked["nonce"],
            "email": asked["email"],
            "email_verified": True,
        }
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return {"access_token": "x", "token_type": "Bearer", "expires_in": 600, "id_token": token}


@contextmanager
def providing() -> Iterator[Provider]:
    """A provider, as long as it is needed."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            match url.path:
                case "/.well-known/openid-configuration":
                    self._json(provider.metadata)
                case "/keys":
                    self._json({"keys": [provider.key.as_dict(private=False)]})
                case "/authorize":
                    self._say(provider.people_page(asked), "text/html")
                case "/leave":
                    self._say("Goodbye", "text/html")
                case _:
                    self.send_error(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._json(provider.tokens({n: v[0] for n, v in parse_qs(body).items()}))

        def _json(self, value: Any) -> None:
            self._say(json.dumps(value), "application/json")

        def _say(self, text: str, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: object) -> None:
            """Nothing: tests read their own output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider = Provider(f"http://localhost:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield provider
        server.shutdown()
