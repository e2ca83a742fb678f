"""django-auth-adfs, with oidc-provider as AD FS: no Microsoft server runs here."""

from __future__ import annotations

import base64
import json
import os
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import RSAAlgorithm

from django_oidc_logout.demo.processes import Server
from e2e.providers.waiting import eventually
from e2e.sites import serving
from e2e.sites.federation import DISCOVERY, Site
from e2e.sites.person import Person
from e2e.sites.table import Kind
from tests.absence import need, need_package
from tests.idp import signing_key
from tests.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

ADFS = Kind(
    name="adfs",
    library="django_auth_adfs",
    distribution="django-auth-adfs",
    callback="/oauth2/callback",
    told=frozenset({"oidc_logout.W030"}),
)


def certify() -> x509.Certificate:
    """Return a certificate of the key that signs tokens, which serves for TLS as well."""
    key, now = signing_key(), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    return (
        x509.CertificateBuilder(issuer_name=name, subject_name=name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def keys(certificate: x509.Certificate) -> str:
    """Return a key set whose key has a certificate, as Microsoft's have."""
    encoded = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    private = json.loads(RSAAlgorithm.to_jwk(signing_key()))
    del private["key_ops"]  # "sign" would not let the provider verify what it has signed
    return json.dumps({"keys": [private | {"kid": "key", "use": "sig", "x5c": [encoded]}]})


@dataclass
class Federation:
    """A provider on https, and two sites: one forgets the bridge."""

    folder: Path
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        certificate = certify()
        secret = signing_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file = self.folder / "certificate.pem"
        file.write_bytes(certificate.public_bytes(Encoding.PEM) + secret)
        self.certificate, self.keys = str(file), keys(certificate)
        port, *ports = free_ports(3)
        self.issuer = f"https://127.0.0.1:{port}/adfs"
        self.sites = {
            forgets: Site(ADFS, forgets, own, self.folder / f"{own}.log")
            for forgets, own in zip((False, True), ports, strict=True)
        }

    def provider(self, node: str, node_modules: Path) -> Server:
        return Server(
            name="the identity provider",
            url=self.issuer,
            command=[node, str(Path(__file__).with_name("adfs.mjs"))],
            environment={
                "CERTIFICATE": self.certificate,
                "CLIENTS": json.dumps([site.client for site in self.sites.values()]),
                "ISSUER": self.issuer,
                "JWKS": self.keys,
                "NODE_MODULES": str(node_modules),
                "NODE_NO_WARNINGS": "1",
            },
            port_option="",
            log=self.folder / "provider.log",
        )

    def server(self, site: Site) -> Server:
        return serving.server(
            site.own({"issuer": self.issuer}),
            settings="e2e.bridges.adfs_settings",
            folder=self.folder,
            environment={
                "CERTIFICATE": self.certificate,
                "REQUESTS_CA_BUNDLE": self.certificate,  # it counts more than the library's setting
            },
        )

    def has_metadata(self) -> bool:
        try:
            answer = requests.get(f"{self.issuer}{DISCOVERY}", timeout=10, verify=self.certificate)
        except requests.ConnectionError:
            return False
        self.metadata = answer.json()
        return True


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    need_package("markdown_it", "markdown-it-py")
    need_package(ADFS.library, ADFS.distribution)
    node = need(shutil.which("node"), "Node.js")
    node_modules = Path(os.environ.get("NODE_MODULES", "node_modules")).resolve()
    need((node_modules / "oidc-provider").is_dir(), "npm's oidc-provider")
    federation = Federation(tmp_path)
    with ExitStack() as stack:
        servers = [
            federation.provider(node, node_modules),
            *map(federation.server, federation.sites.values()),
        ]
        for server in servers:
            stack.callback(server.end)
            server.start()
        assert eventually(federation.has_metadata)
        for server in servers[1:]:
            assert eventually(server.is_ready)
        yield federation


def person(federation: Federation) -> Person:
    ada = Person(federation, "ada")
    ada.verify = federation.certificate
    return ada


def said(site: Site, level: str) -> list[str]:
    return [each["message"] for each in site.said() if each.get("level") == level]


def checks(site: Site) -> set[str]:
    """Return the IDs of the checks that say something of a site's configuration."""
    return {check_id for each in site.said() for check_id, _ in each.get("checks", ())}


def outcomes(site: Site) -> list[tuple[str, bool]]:
    return [(each["outcome"], each["recorded"]) for each in site.said() if "outcome" in each]


def test_sign_in_sign_out_and_a_site_that_forgets_the_bridge(federation: Federation) -> None:
    """In one test, because its servers take seconds to start."""
    site, forgetful = federation.sites[False], federation.sites[True]
    ada = person(federation)
    ada.sign_in(site)
    assert ada.was_asked
    sent = ada.press(site)
    assert sent["client_id"] == site.client["client_id"]
    claims = jwt.decode(sent["id_token_hint"], options={"verify_signature": False})
    assert (claims["iss"], claims["sub"]) == (federation.issuer, "ada")

    ada.sign_in(site)
    assert ada.was_asked, "the provider still knew who it is"
    ada.sign_out_at_the_provider()  # by back-channel
    assert not ada.is_signed_in(site)
    assert said(site, "WARNING") == []
    assert outcomes(site) == [("redirect", True)]
    assert checks(site) == set()

    ada.sign_in(forgetful)
    (told,) = said(forgetful, "WARNING")
    assert checks(forgetful) == ADFS.told
    assert 'add "django_oidc_logout.contrib.adfs" to INSTALLED_APPS' in told
    _, url = ada.leave(forgetful)
    assert url.startswith(federation.metadata["end_session_endpoint"])
    assert "id_token_hint" not in url
    assert outcomes(forgetful) == [("redirect", False)]
