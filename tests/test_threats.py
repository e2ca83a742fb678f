"""docs/explanation/security.md names a test for each threat, and lists all stored data."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from django.core import cache as caching

from django_oidc_logout.fields import EncryptedTextField
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import entry
from tests import events
from tests.factories import post_logout_token
from tests.idp import MISSING

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "explanation" / "security.md").read_text()
PROOF = re.compile(r"`((?:\w+/)*test_\w+)::(test_\w+)`")


def tables(heading):
    """Return the rows, without their first two, of each table between a heading and the next."""
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (text,) = (part for part in section if part.startswith(heading))
    found = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [[cells(line) for line in table.splitlines()[2:]] for table in found]


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


@dataclass(frozen=True)
class Threat:
    what: str
    remains: str
    defence: str

    def __str__(self):
        return self.what[:60]

    @property
    def proof(self):
        """The text of the footnote to which the defence leads."""
        return NOTES[re.search(r"\[\^([\w-]+)\]$", self.defence)[1]]


THREATS = [Threat(*row) for table in tables("The threats") for row in table]
NOTES = dict(re.findall(r"^\[\^([\w-]+)\]: (.+)$", PAGE, re.MULTILINE))


@cache
def names_in(file):
    paths = [ROOT / folder / f"{file}.py" for folder in ("tests", "e2e")]
    tree = ast.parse("".join(path.read_text() for path in paths if path.is_file()))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


ASSURANCE = (ROOT / "docs" / "explanation" / "assurance.md").read_text()


@pytest.mark.parametrize(("file", "name"), PROOF.findall(ASSURANCE))
def test_each_kind_of_session_that_slips_away_has_a_test_that_is_there(file, name):
    assert name in names_in(file)


def test_threats_are_found():
    assert len(THREATS) > 40
    assert len(NOTES) == len(THREATS) == len(re.findall(r"^\[\^", PAGE, re.MULTILINE))


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_threat_has_a_defence_and_a_test_that_is_there(threat):
    assert threat.remains
    assert threat.defence.partition("[")[0]
    proofs = PROOF.findall(threat.proof)
    assert proofs
    assert PROOF.sub("", threat.proof).strip(", ") == "", "a test is not named as file::test"
    missing = [f"{file}::{name}" for file, name in proofs if name not in names_in(file)]
    assert missing == []


def column(table, number=0):
    return [row[number].strip("`") for row in table]


@pytest.fixture
def kept():
    """Return the tables of stored data: in the database, in the session, in the cache."""
    return tables("What is kept")


def test_columns_are_those_of_the_model(kept):
    fields = [field.name for field in OIDCSession._meta.concrete_fields if not field.primary_key]
    assert column(kept[0]) == fields


def test_columns_that_are_encrypted_are_said_to_be(kept):
    said = {
        name for name, how in zip(column(kept[0]), column(kept[0], 2), strict=True) if "enc" in how
    }
    encrypted = {
        field.name
        for field in OIDCSession._meta.concrete_fields
        if isinstance(field, EncryptedTextField)
    }
    assert said == encrypted


@pytest.mark.django_db
def test_entries_are_those_of_a_session(kept, sign_in):
    assert column(kept[1]) == list(sign_in().session[entry.ENTRY])


@pytest.mark.django_db
def test_session_holds_no_token(idp, sign_in):
    session = sign_in().session
    assert "eyJ" not in str(dict(session))
    assert idp.id_token() not in str(dict(session))


@pytest.mark.django_db
def test_kinds_are_those_of_the_cache(kept, idp, configure, sign_in, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    sign_in()
    post_logout_token(idp.logout_token(header={"kid": "new"}))
    post_logout_token(idp.logout_token(sid="not recorded yet"))
    post_logout_token(idp.logout_token(sid=MISSING))
    idp.answers["/.well-known/ssf-configuration"] = idp.metadata
    configure(SHARED_SIGNALS={})
    events.post(events.encode(events.claims_of(idp.issuer, aud="site")))
    ours = [key.split(":") for key in caching.caches["default"]._cache if "oidc_logout" in key]
    assert {kind for _, _, package, kind, *_ in ours if package == "oidc_logout"} == set(
        column(kept[2])
    )
