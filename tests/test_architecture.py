"""The rooms of the house: who may import whom, and who alone may touch what."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import django_oidc_logout

PACKAGE = Path(django_oidc_logout.__file__).parent
NOT_ROOMS = {"management", "migrations", "templatetags"}  # Django's own places


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


MODULES = {
    name_of(path): path
    for path in PACKAGE.rglob("*.py")
    if path.stem != "__init__" and not NOT_ROOMS & set(path.relative_to(PACKAGE).parts)
}

# Each floor may import from the floors below it only.
FLOORS = [
    {"statements", "transactions"},
    {"conf", "doctor.findings", "exceptions", "late", "outcome", "signals"},
    {"caching", "checks.installed", "checks.registered", "fields", "tokens", "transport"},
    {"discovery", "engines", "landing", "logout_tokens", "models", "responses"},
    {"sessions"},
    # These two alone know vendors' names.
    {"index", "providers", "registration"},
    {"binding", "checks.settings", "doctor.patient", "doctor.site", "ending", "registry"},
    {"checks.browser", "checks.deployment", "checks.project", "checks.tokens"},
    {"departure", "doctor.addresses", "doctor.agreement", "doctor.provider", "revocation"},
    {"api", "doctor.reports"},
    {"channels"},
    {"account", "backends", "doctor.text", "middleware", "receivers", "sites", "views"},
    {"admin_actions", "apps", "urls"},
    {"admin", "urls_account"},
]
ALONE = {
    "django.conf": {"conf"},
    "requests": {"transport"},
    "jwt": {"tokens"},
    "mozilla_django_oidc": {"backends"},
    "cryptography": {"fields"},
}


def imports(path):
    """Yield (module, names) of every import in a file, relative ones with their dot."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            yield "." * node.level + (node.module or ""), names
        elif isinstance(node, ast.Import):
            yield from ((alias.name, set()) for alias in node.names)


def siblings(name):
    """Yield the rooms that a room imports from."""
    corridor = name.split(".")[:-1]
    for module, names in imports(MODULES[name]):
        dots = len(module) - len(module.lstrip("."))
        if not dots:
            continue
        place = corridor[: len(corridor) + 1 - dots]
        room = ".".join([*place, *filter(None, module.split("."))])
        yield from [room] if room in MODULES else (f"{room}.{each}".strip(".") for each in names)


def test_every_module_has_its_floor():
    assert sorted(MODULES) == sorted(name for floor in FLOORS for name in floor)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_go_down(name):
    height = next(i for i, floor in enumerate(FLOORS) if name in floor)
    below = set().union(*FLOORS[:height])
    assert set(siblings(name)) <= below


@pytest.mark.parametrize("library", ALONE)
def test_libraries_have_one_door(library):
    users = {
        name
        for name, path in MODULES.items()
        if any(
            module.split(".")[: library.count(".") + 1] == library.split(".")
            for module, _ in imports(path)
        )
    }
    assert users == ALONE[library]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_modules_stay_small(name):
    assert len(MODULES[name].read_text().splitlines()) <= 250
