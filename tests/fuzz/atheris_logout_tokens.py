"""Coverage-guided fuzzing of the verifier of logout tokens, compared with the oracle.

    python -m tests.fuzz.atheris_logout_tokens [FOLDER] -max_total_time=60

Options are libFuzzer's. What has been found worth keeping stays in FOLDER, as do crashes.
An input is a byte that says how to sign, a header, a NUL, and a payload.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from pathlib import Path
from random import Random
from types import SimpleNamespace

import atheris
import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
with atheris.instrument_imports(include=["django_oidc_logout", "jwt"]):
    django.setup()
    from django_oidc_logout import idp_initiated
    from django_oidc_logout.exceptions import OIDCLogoutError
    from django_oidc_logout.tokens import logout_token

from django.test import override_settings

from tests.fuzz import forge
from tests.fuzz.oracle import Provider, verdict

FOLDER = Path(tempfile.gettempdir()) / "django-oidc-logout-atheris"
NOW = 1_800_000_000
ISSUER = forge.OTHER_ISSUER
PROVIDER = Provider(ISSUER, "site", secret=forge.SECRET)
SETTINGS = {
    "ISSUER": ISSUER,
    "CLIENT_ID": "site",
    "CLIENT_SECRET": forge.SECRET.decode(),
    "ALGORITHMS": ["HS256"],
}
HEADER = {"alg": "HS256", "typ": "logout+jwt", "kid": "1"}
RIGHTLY, WRONGLY, AS_IT_IS = b"s", b"w", b"a"


def token_of(content):
    """Return the token that an input describes."""
    mode, rest = content[:1], content[1:]
    if mode == AS_IT_IS:
        return rest.decode(errors="replace")
    header, _, payload = rest.partition(b"\0")
    secret = b"another secret" if mode == WRONGLY else forge.SECRET
    return forge.jws(header, payload, lambda signed: forge.hs256(signed, secret))


def accepted(token):
    """Return what the package takes a token for, as the oracle does."""
    try:
        read = idp_initiated.back_channel(token)
    except OIDCLogoutError:
        return None
    return read.issuer, read.jti, read.subject or None, read.sid or None, read.issued_at


def check(content):
    """Compare the package with the oracle."""
    token = token_of(content)
    expected, found = verdict(token, [PROVIDER], NOW), accepted(token)
    assert found == expected, f"{token!r}: {found}, and should be {expected}"


def seeds():
    """Yield inputs to begin with: good tokens, and each of the oddities of `forge`."""
    header = json.dumps(HEADER)
    claims = forge.claims(ISSUER, NOW, "1")
    texts = [json.dumps(claims | change) for change in ({}, {"aud": ["site"]}, {"azp": "site"})]
    texts += [json.dumps({k: v for k, v in claims.items() if k != name}) for name in claims]
    for payload in texts:
        yield RIGHTLY + header.encode() + b"\0" + payload.encode()
    for write in forge.TEXTS:
        yield RIGHTLY + header.encode() + b"\0" + write(texts[0])
        yield RIGHTLY + write(header) + b"\0" + texts[0].encode()
    good = forge.jws(header.encode(), texts[0].encode())
    for damage in (str, *forge.DAMAGES):
        yield AS_IT_IS + damage(good).encode()


NAMES = [*forge.claims("", 0, ""), *HEADER, "azp", "nonce", "crit", "b64", "other"]
EVENTS = [{forge.EVENT: value} for value in ({}, {"a": 1}, [], None, True, "{}")]
TIMES = [NOW + shift for shift in (-301, -300, -299.5, -60.5, -60, -59, 0, 0.5, 60, 60.5, 61)]
VALUES = [
    *(None, True, False, 0, -1, 1.5, 2**53, 2**53 - 1, 10**400, float("nan"), float("inf")),
    *("", "1", "site", "JWT", "logout+JWT", "at+jwt", "HS256", "none", ISSUER, ISSUER + "/"),
    *("application/jwt", "Application/logout+jwt", "text/jwt"),
    *("\ud800", "a\0", "x" * 4096, "x" * 4097, "\U0001f511"),
    *([], {}, ["site"], ["site", 5], ["other"], ["exp"], [["site"]], {"a": {"b": []}}),
    *EVENTS,
    *TIMES,
]


def mutate(content, max_size, seed):
    """Change an entry of what is given, or of a good token; else leave it to libFuzzer."""
    random = Random(seed)
    mode, documents = RIGHTLY, [dict(HEADER), forge.claims(ISSUER, NOW, "1")]
    if random.random() < 0.5:
        mode, documents = content[:1], _documents(content[1:])
    if not documents or random.random() < 0.2:
        return atheris.Mutate(content, max_size)
    document = random.choice([documents[0], documents[1], documents[1]])
    name = random.choice([*document, *NAMES])
    document[name] = random.choice(VALUES)
    if random.random() < 0.2:
        del document[name]
    return (mode + b"\0".join(json.dumps(each).encode() for each in documents))[:max_size]


def _documents(content):
    try:
        documents = [json.loads(part) for part in content.split(b"\0")]
    except (ValueError, RecursionError):
        return None
    both = [document for document in documents if isinstance(document, dict)]
    return both if len(both) == 2 else None


def prepare(folder):
    """Write the seeds into a folder, and return libFuzzer's arguments for it."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(content)
    return [str(corpus), f"-artifact_prefix={folder}/", "-max_len=16384", "-len_control=0"]


def main(arguments):
    """Fuzz for as long as the options say; a failed check ends the process at once."""
    options = [argument for argument in arguments if argument.startswith("-")]
    folders = [Path(argument) for argument in arguments if not argument.startswith("-")]
    logging.disable()
    logout_token.time = SimpleNamespace(time=lambda: NOW)
    idp_initiated.end_named_by = lambda token: token
    with override_settings(OIDC_LOGOUT_PROVIDERS={"default": SETTINGS}):
        atheris.Setup(
            [sys.argv[0], *prepare((folders or [FOLDER])[0]), *options],
            check,
            custom_mutator=mutate,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
