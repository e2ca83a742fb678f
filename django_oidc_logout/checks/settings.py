"""System checks of the package's own settings. None touches the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from difflib import get_close_matches
from math import inf
from typing import Any

from django.core.checks import CheckMessage, Error, Warning

from .. import providers, transport
from ..conf import DIRECTIVES, GET_POLICIES, PROVIDER_KEYS, RESPONSES, ProviderOptions, conf
from . import lookup

FLAGS = ("OIDC_LOGOUT_NO_STORE", "OIDC_LOGOUT_REVOKE_TOKENS")
EXAMPLE = 'OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": "https://idp.example.com"}}'


def _entries() -> Iterable[tuple[str, Mapping[str, Any]]]:
    configured = conf.raw("OIDC_LOGOUT_PROVIDERS")
    if isinstance(configured, Mapping):
        for alias, entry in configured.items():
            if isinstance(entry, Mapping):  # what is None counts as not set
                yield alias, {key: value for key, value in entry.items() if value is not None}


def check_providers() -> list[CheckMessage]:
    """OIDC_LOGOUT_PROVIDERS is a dict of dicts, and not empty."""
    configured = conf.raw("OIDC_LOGOUT_PROVIDERS")
    shaped = isinstance(configured, Mapping) and all(
        isinstance(alias, str) and isinstance(entry, Mapping) for alias, entry in configured.items()
    )
    if configured and shaped:
        return []
    return [
        Error(
            "OIDC_LOGOUT_PROVIDERS does not name an identity provider.",
            hint=f"It is a dict of alias and options: {EXAMPLE}",
            id="oidc_logout.E001",
        )
    ]


def check_keys() -> list[CheckMessage]:
    """Each key of a provider is known."""
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}] has an unknown key {key!r}.",
            hint=f"The keys are {', '.join(PROVIDER_KEYS)}.",
            id="oidc_logout.E002",
        )
        for alias, entry in _entries()
        for key in entry
        if key not in PROVIDER_KEYS
    ]


def check_issuers() -> list[CheckMessage]:
    """Each provider has an issuer, on https or loopback."""
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}] has no ISSUER that is an https address.",
            hint="It is the `iss` of the ID Tokens, to the letter; http is for loopback only.",
            id="oidc_logout.E003",
        )
        for alias, entry in _entries()
        if not transport.is_secure(entry.get("ISSUER"))
    ]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and value is not True and 0 < value < inf


def _is_algorithms(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(name, str) and name.lower() != "none" for name in value)
    )


def _is_parameters(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, [*value, *value.values()]))


KINDS: dict[type, tuple[Callable[[Any], bool], str]] = {
    str: (_is_text, "text"),
    bool: (lambda value: isinstance(value, bool), "True or False"),
    int: (_is_number, "a number above zero"),
    tuple: (_is_algorithms, 'a list of algorithms such as ["RS256"], and "none" is not one'),
    dict: (_is_parameters, "a dict of texts"),
}
DEFAULTS = ProviderOptions(alias="")


def check_values() -> list[CheckMessage]:
    """Each value has the type of its default."""
    messages: list[CheckMessage] = []
    for alias, entry in _entries():
        for field in fields(DEFAULTS):
            holds, description = KINDS.get(type(getattr(DEFAULTS, field.name)), (_is_text, "text"))
            key = field.name.upper()
            if key in PROVIDER_KEYS and key in entry and not holds(entry[key]):
                messages.append(
                    Error(
                        f"OIDC_LOGOUT_PROVIDERS[{alias!r}][{key!r}] has a value of the wrong kind.",
                        hint=f"It is {description}.",
                        id="oidc_logout.E004",
                    )
                )
    return messages


def check_backends() -> list[CheckMessage]:
    """Each provider class can be imported, and is one."""
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}]['BACKEND'] is no provider class.",
            hint="It is the dotted path of a subclass of providers.OIDCProvider.",
            id="oidc_logout.E005",
        )
        for alias, entry in _entries()
        if not _is_provider_class(entry.get("BACKEND", DEFAULTS.backend))
    ]


def _is_provider_class(path: Any) -> bool:
    backend = lookup.load(path)
    return isinstance(backend, type) and issubclass(backend, providers.OIDCProvider)


def check_client_ids() -> list[CheckMessage]:
    """Each provider knows our client: tokens of other clients are none of ours."""
    return [
        Warning(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}] has no CLIENT_ID.",
            hint="Providers ask for it beside the ID Token; the alias 'default' takes it from "
            "OIDC_RP_CLIENT_ID.",
            id="oidc_logout.W001",
        )
        for alias, options in conf.OIDC_LOGOUT_PROVIDERS.items()
        if not options.client_id
    ]


def check_choices() -> list[CheckMessage]:
    """Settings with a choice name one."""
    choices = {"OIDC_LOGOUT_GET": GET_POLICIES, "OIDC_LOGOUT_RESPONSE": RESPONSES}
    return [
        Error(
            f"{name} is {conf.raw(name)!r}.",
            hint=f"It is one of {', '.join(map(repr, valid))}.",
            id="oidc_logout.E006",
        )
        for name, valid in choices.items()
        if conf.raw(name) is not None and conf.raw(name) not in valid
    ]


def check_clear_site_data() -> list[CheckMessage]:
    """Each directive is one that browsers know, without quotes."""
    configured = conf.raw("OIDC_LOGOUT_CLEAR_SITE_DATA")
    if configured is None:
        return []
    listed = isinstance(configured, list | tuple)
    if listed and all(name in (*DIRECTIVES, "*") for name in configured):
        return []
    return [
        Error(
            "OIDC_LOGOUT_CLEAR_SITE_DATA names a directive that no browser knows.",
            hint=f"It is a list, without quotes inside, of {', '.join(DIRECTIVES)} or *.",
            id="oidc_logout.E007",
        )
    ]


def check_allowed_hosts() -> list[CheckMessage]:
    """Allowed hosts are hosts."""
    configured = conf.raw("OIDC_LOGOUT_ALLOWED_HOSTS")
    if configured is None or (
        isinstance(configured, list | tuple | set)
        and all(isinstance(host, str) and not {"/", "*"} & set(host) for host in configured)
    ):
        return []
    return [
        Error(
            "OIDC_LOGOUT_ALLOWED_HOSTS is no list of hosts.",
            hint='Hosts stand as in a URL, with a port but without scheme: ["app.example.com"].',
            id="oidc_logout.E008",
        )
    ]


def check_flags() -> list[CheckMessage]:
    """What is on or off is True or False."""
    return [
        Error(
            f"{name} is {conf.raw(name)!r}.",
            hint='It is True or False. A text is never off, not even "False".',
            id="oidc_logout.E009",
        )
        for name in FLAGS
        if not isinstance(conf.raw(name, default=False), bool)
    ]


def check_names() -> list[CheckMessage]:
    """No setting looks like one of ours and is none."""
    return [
        Warning(
            f"{name} is no setting of django-oidc-logout.",
            hint=f"{_meant(name)}They are {', '.join(conf.own_names)}.",
            id="oidc_logout.W002",
        )
        for name in conf.written("OIDC_LOGOUT_")
        if name not in conf.own_names
    ]


def _meant(name: str) -> str:
    return "".join(f"Is it {near}? " for near in get_close_matches(name, conf.own_names, 1, 0.8))


CHECKS = (
    check_providers,
    check_keys,
    check_issuers,
    check_values,
    check_backends,
    check_client_ids,
    check_choices,
    check_clear_site_data,
    check_allowed_hosts,
    check_flags,
    check_names,
)
