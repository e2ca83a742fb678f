"""The translations: complete, compiled, shown, and up to date with the package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from ast import literal_eval
from gettext import GNUTranslations
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import ngettext, to_language

from tests.absence import need

PACKAGE = Path(__file__).parent.parent / "django_oidc_logout"
LOCALES = ["de", "es", "fr", "it", "ja", "nl", "pl", "pt_BR", "zh_Hans"]
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[a-z%]")
FIELD = re.compile(r'(msgid_plural|msgid|msgstr(?:\[\d+\])?) (".*")')

each_locale = pytest.mark.parametrize("locale", LOCALES)


def catalogue(locale, suffix):
    return PACKAGE / "locale" / locale / "LC_MESSAGES" / f"django{suffix}"


def parse(path):
    """Return the entries of a .po or .pot file, each as its fields by keyword."""
    entries = []
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        entry = {}
        for line in block.splitlines():
            if found := FIELD.fullmatch(line):
                keyword = found[1]
                entry[keyword] = literal_eval(found[2])
            elif line.startswith('"'):
                entry[keyword] += literal_eval(line)
            else:
                assert line.startswith("#"), line
        entries.append(entry)
    return entries


def messages(locale):
    """Return the entries of a catalogue, without its header."""
    header, *entries = parse(catalogue(locale, ".po"))
    assert header["msgid"] == ""
    return entries


def forms(entry):
    """Return the translations of an entry: one, or one per plural form."""
    return [text for keyword, text in entry.items() if keyword.startswith("msgstr")]


def strings(entries):
    return {(entry["msgid"], entry.get("msgid_plural")) for entry in entries}


def compiled(entries):
    """Return what the standard library reads from a .mo file with these entries."""
    found = {}
    for entry in entries:
        if "msgid_plural" in entry:
            found |= {(entry["msgid"], form): text for form, text in enumerate(forms(entry))}
        else:
            found[entry["msgid"]] = entry["msgstr"]
    return found


def read_compiled(path):
    with path.open("rb") as file:
        return GNUTranslations(file)._catalog


def test_every_catalogue_is_tested():
    assert sorted(path.name for path in (PACKAGE / "locale").iterdir()) == LOCALES


@each_locale
def test_every_message_is_translated(locale):
    assert [entry["msgid"] for entry in messages(locale) if not all(forms(entry))] == []


@each_locale
def test_every_plural_form_is_there(locale):
    header = parse(catalogue(locale, ".po"))[0]["msgstr"]
    expected = int(re.search(r"nplurals=(\d)", header)[1])
    counts = {len(forms(entry)) for entry in messages(locale) if "msgid_plural" in entry}
    assert counts == {expected}


@each_locale
def test_placeholders_match_the_original(locale):
    for entry in messages(locale):
        expected = sorted(PLACEHOLDER.findall(entry["msgid"]))
        for text in forms(entry):
            assert sorted(PLACEHOLDER.findall(text)) == expected, text


@each_locale
def test_nothing_is_fuzzy_obsolete_or_dated_by_extraction(locale):
    text = catalogue(locale, ".po").read_text(encoding="utf-8")
    for mark in ("fuzzy", "#~", "POT-Creation-Date"):
        assert mark not in text
    assert f'"Language: {locale}\\n"' in text


@each_locale
def test_compiled_catalogue_agrees_with_its_source(locale):
    assert read_compiled(catalogue(locale, ".mo")) == compiled(parse(catalogue(locale, ".po")))


@each_locale
def test_gettext_finds_no_error(locale, tmp_path):
    msgfmt = need(shutil.which("msgfmt"), "gettext")
    out = tmp_path / "django.mo"
    subprocess.run([msgfmt, "--check", "-o", out, catalogue(locale, ".po")], check=True)
    assert read_compiled(out) == read_compiled(catalogue(locale, ".mo"))


@each_locale
def test_signed_out_page_is_in_the_language(client, locale):
    language = to_language(locale)
    assert language in dict(settings.LANGUAGES)
    response = client.get("/oidc/logout/callback/", headers={"accept-language": language})
    page = unescape(response.text)
    translated = {entry["msgid"]: entry.get("msgstr") for entry in messages(locale)}
    assert response.headers["Content-Language"] == language
    assert f'<html lang="{language}">' in page
    assert f"<h1>{translated['You are signed out']}</h1>" in page
    assert f">{translated['Back to the site']}</a>" in page
    assert "You are signed out" not in page


@pytest.mark.parametrize(
    ("language", "count", "expected"),
    [
        ("de", 1, "1 Sitzung wurde beendet."),
        ("de", 0, "0 Sitzungen wurden beendet."),
        ("es", 2, "Se han cerrado 2 sesiones."),
        ("fr", 0, "0 session a été fermée."),
        ("fr", 2, "2 sessions ont été fermées."),
        ("pl", 1, "1 sesja została zakończona."),
        ("pl", 2, "2 sesje zostały zakończone."),
        ("pl", 5, "5 sesji zostało zakończonych."),
        ("pl", 12, "12 sesji zostało zakończonych."),
        ("pl", 22, "22 sesje zostały zakończone."),
        ("pt-br", 0, "0 sessão foi encerrada."),
        ("ja", 1, "1 個のセッションを終了しました。"),
        ("ja", 2, "2 個のセッションを終了しました。"),
    ],
)
def test_plural_forms(language, count, expected):
    with translation.override(language):
        text = ngettext("%(count)d session has ended.", "%(count)d sessions have ended.", count)
    assert text % {"count": count} == expected


@pytest.fixture(scope="module")
def extracted(tmp_path_factory):
    """Return the strings of the package, extracted from a copy of it."""
    need(shutil.which("xgettext"), "gettext")
    copy = tmp_path_factory.mktemp("messages") / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "django", "makemessages", "--keep-pot", "--no-wrap"]
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(
        [*command, "--no-location", "--locale", "de"],
        cwd=copy,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    header, *entries = parse(copy / "locale" / "django.pot")
    assert header["msgid"] == ""
    return strings(entries)


@each_locale
def test_catalogue_matches_the_strings_of_the_package(locale, extracted):
    assert strings(messages(locale)) == extracted
