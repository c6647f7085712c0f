"""An issuer for tests: keys, good tokens, and the twenty bad ones every door must refuse."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ISSUER = "https://issuer.example"
AUDIENCE = "switchboard"
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Issuer:
    """Signs with one key; `jwks` publishes it under `key_id`."""

    def __init__(self, key_id: str = "key-1", algorithm: str = "ES256") -> None:
        self.key_id = key_id
        self.algorithm = algorithm
        self.key: Key = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(65537, 2048)
        )

    def jwk(self) -> dict[str, Any]:
        """The public key as a JSON Web Key."""
        codec = jwt.get_algorithm_by_name(self.algorithm)
        public = json.loads(codec.to_jwk(self.key.public_key()))
        return {**public, "kid": self.key_id, "use": "sig", "alg": self.algorithm}

    def pem(self) -> bytes:
        """The public key as PEM: what a confused verifier would take for an HMAC secret."""
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def token(
        self, *, without: str = "", header: Mapping[str, Any] | None = None, **claims: Any
    ) -> str:
        """A token that holds for an hour, with claims replaced, or one left out."""
        now = int(time.time())
        payload = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "agent-7",
            "tenant": "acme",
            "roles": ["agent"],
            "iat": now,
            "exp": now + 3600,
            **claims,
        }
        payload.pop(without, None)
        defaults = {"alg": self.algorithm, "kid": self.key_id, "typ": "at+jwt"}
        full = {key: value for key, value in {**defaults, **(header or {})}.items() if value}
        # Signed by hand: PyJWT would refuse to make half of the bad ones.
        signing = f"{_segment(full)}.{_segment(payload)}"
        raw = jwt.get_algorithm_by_name(self.algorithm).sign(signing.encode(), self.key)
        return f"{signing}.{_text(raw)}"


def jwks(*issuers: Issuer) -> bytes:
    """The key set of some issuers."""
    return json.dumps({"keys": [issuer.jwk() for issuer in issuers]}).encode()


def bad_tokens(issuer: Issuer) -> dict[str, str]:
    """Tokens by what is wrong with them; each one differs from a good token in that alone."""
    now = int(time.time())
    good = issuer.token()
    stranger = Issuer(issuer.key_id, issuer.algorithm)
    head, body, signature = good.split(".")
    richer = _segment({**_read(body), "roles": ["admin"]})
    return {
        "empty": "",
        "not a token": "abc",
        "two segments": f"{head}.{body}",
        "no signature": f"{head}.{body}.",
        "another token's signature": f"{head}.{body}.{issuer.token(sub='x').split('.')[2]}",
        "roles raised": f"{head}.{richer}.{signature}",
        "alg none": _unsigned(issuer, "none"),
        "alg None in capitals": _unsigned(issuer, "NONE"),
        "HMAC with the public key": _confused(issuer),
        "stranger's key under our id": stranger.token(),
        "unknown key id": issuer.token(header={"kid": "key-9"}),
        "no key id": issuer.token(header={"kid": None}),
        "key inside the token": stranger.token(header={"jwk": stranger.jwk()}),
        "wrong issuer": issuer.token(iss="https://evil.example"),
        "no issuer": issuer.token(without="iss"),
        "wrong audience": issuer.token(aud="another-service"),
        "no audience": issuer.token(without="aud"),
        "expired": issuer.token(exp=now - 60),
        "no expiry": issuer.token(without="exp"),
        "not yet valid": issuer.token(nbf=now + 3600),
        "an id token": issuer.token(header={"typ": "JWT"}),
        "no type": issuer.token(header={"typ": None}),
        "no tenant": issuer.token(without="tenant"),
        "empty tenant": issuer.token(tenant=""),
        "tenant is a list": issuer.token(tenant=["acme", "globex"]),
        "no roles": issuer.token(without="roles"),
        "roles are text": issuer.token(roles="agent"),
        "no subject": issuer.token(without="sub"),
        "critical extension": issuer.token(header={"crit": ["tenants"], "tenants": 1}),
        "far too long": issuer.token(pad="x" * 4_000),
    }


def _segment(value: Mapping[str, Any]) -> str:
    return _text(json.dumps(value).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _read(segment: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=="))
    return found


def _unsigned(issuer: Issuer, algorithm: str) -> str:
    body = issuer.token().split(".")[1]
    header = {"alg": algorithm, "typ": "at+jwt", "kid": issuer.key_id}
    return f"{_segment(header)}.{body}."


def _confused(issuer: Issuer) -> str:
    header = {"alg": "HS256", "typ": "at+jwt", "kid": issuer.key_id}
    signing = f"{_segment(header)}.{issuer.token().split('.')[1]}"
    mac = hmac.new(issuer.pem(), signing.encode(), hashlib.sha256).digest()
    return f"{signing}.{_text(mac)}"


class KeyServer:
    """A key set over HTTP that counts its readers; `document` may change or fail (None)."""

    def __init__(self, document: bytes | None) -> None:
        self.document = document
        self.reads = 0
        self.url = ""


@contextmanager
def key_server(document: bytes | None) -> Iterator[KeyServer]:
    """Serve a key set on a free loopback port."""
    state = KeyServer(document)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    state.url = f"http://127.0.0.1:{server.server_address[1]}/jwks.json"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(state: KeyServer) -> Callable[..., http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.reads += 1
            self.send_response(200 if state.document is not None else 503)
            self.end_headers()
            self.wfile.write(state.document or b"")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
