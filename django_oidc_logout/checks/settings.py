"""System checks of the package's own settings. They do not use the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from django.core.checks import CheckMessage, Error, Warning

from .. import providers
from ..conf import (
    DIRECTIVES,
    GET_POLICIES,
    PROVIDER_KEYS,
    RESPONSES,
    conf,
    from_callable,
)
from ..conf.options import DEFAULTS, is_number
from ..providers import fetch
from . import history, lookup, providers_setting, unknown

FLAGS = (
    "OIDC_LOGOUT_FOLLOW_USER",
    "OIDC_LOGOUT_NO_STORE",
    "OIDC_LOGOUT_REAUTHENTICATE_AFTER_LOCAL",
    "OIDC_LOGOUT_REVOKE_TOKENS",
)
EXAMPLE = 'OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": "https://idp.example.com"}}'


def check_providers() -> list[CheckMessage]:
    """Check that OIDC_LOGOUT_PROVIDERS is a dict of dicts and not empty."""
    configured = conf.raw("OIDC_LOGOUT_PROVIDERS")
    if from_callable.is_path(configured):
        return providers_setting.check_callable(configured)
    is_dict_of_dicts = isinstance(configured, Mapping) and all(
        isinstance(alias, str) and isinstance(entry, Mapping) for alias, entry in configured.items()
    )
    if configured and is_dict_of_dicts:
        return []
    return [
        Error(
            "OIDC_LOGOUT_PROVIDERS does not configure an identity provider.",
            hint=f"Set it to a dict of options by alias: {EXAMPLE}. Or set it to the dotted path "
            "of a function that returns such a dict.",
            id="oidc_logout.E001",
        )
    ]


def check_keys() -> list[CheckMessage]:
    """Check that each option of a provider exists."""
    written = (
        (f"OIDC_LOGOUT_PROVIDERS[{alias!r}]", entry)
        for alias, entry, _options in lookup.provider_entries()
    )
    return unknown.keys(written, PROVIDER_KEYS, id_="oidc_logout.E002")


def check_issuers() -> list[CheckMessage]:
    """Check that each provider has an issuer on https or loopback."""
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}]['ISSUER'] is not an https URL.",
            hint="Set it to the `iss` of the ID Tokens, exactly; http is for loopback only.",
            id="oidc_logout.E003",
        )
        for alias, entry, _options in lookup.provider_entries()
        if not fetch.is_secure(entry.get("ISSUER"))
    ]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_algorithms(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(name, str) and name.lower() != "none" for name in value)
    )


def _is_parameters(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, [*value, *value.values()]))


KINDS: dict[type, tuple[Callable[[Any], bool], str]] = {
    str: (_is_text, "a string"),
    bool: (lambda value: isinstance(value, bool), "True or False"),
    int: (is_number, "a number greater than zero"),
    tuple: (_is_algorithms, 'a list of algorithms such as ["RS256"], without "none"'),
    dict: (_is_parameters, "a dict of strings"),
    type(None): (is_number, "a number greater than zero"),
}


def check_values() -> list[CheckMessage]:
    """Check that each option has the type of its default."""
    messages: list[CheckMessage] = []
    for alias, entry, _options in lookup.provider_entries():
        for field in fields(DEFAULTS):
            by_type = KINDS.get(type(getattr(DEFAULTS, field.name)), KINDS[str])
            is_valid, kind = providers_setting.KINDS.get(field.name, by_type)
            key = field.name.upper()
            if key in PROVIDER_KEYS and key in entry and not is_valid(entry[key]):
                messages.append(
                    Error(
                        f"OIDC_LOGOUT_PROVIDERS[{alias!r}][{key!r}] is invalid.",
                        hint=f"Set it to {kind}.",
                        id="oidc_logout.E004",
                    )
                )
    return messages


def check_backends() -> list[CheckMessage]:
    """Check that each BACKEND can be imported and is a provider class."""
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}]['BACKEND'] is not a provider class.",
            hint="Set it to the dotted path of a subclass of "
            "django_oidc_logout.providers.OIDCProvider.",
            id="oidc_logout.E005",
        )
        for alias, entry, _options in lookup.provider_entries()
        if not _is_provider_class(entry.get("BACKEND", DEFAULTS.backend))
    ]


def _is_provider_class(path: Any) -> bool:
    backend = lookup.load(path)
    return isinstance(backend, type) and issubclass(backend, providers.OIDCProvider)


def check_client_ids() -> list[CheckMessage]:
    """Check that each provider has a client id: logout tokens are verified with it."""
    return [
        Warning(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}]['CLIENT_ID'] is not set.",
            hint="Set it to the client id that the provider issued. The alias 'default' takes it "
            "from OIDC_RP_CLIENT_ID.",
            id="oidc_logout.W001",
        )
        for alias, options in conf.known_providers.items()
        if not options.client_id
    ]


def check_choices() -> list[CheckMessage]:
    """Check that each setting with choices is one of them."""
    choices = {"OIDC_LOGOUT_GET": GET_POLICIES, "OIDC_LOGOUT_RESPONSE": RESPONSES}
    return [
        Error(
            f"{name} is {conf.raw(name)!r}.",
            hint=f"Set it to one of {', '.join(map(repr, valid))}.",
            id="oidc_logout.E006",
        )
        for name, valid in choices.items()
        if conf.raw(name) is not None and conf.raw(name) not in valid
    ]


def check_clear_site_data() -> list[CheckMessage]:
    """Check that browsers know each directive of Clear-Site-Data."""
    configured = conf.raw("OIDC_LOGOUT_CLEAR_SITE_DATA")
    if configured is None:
        return []
    is_list = isinstance(configured, list | tuple)
    if is_list and all(name in (*DIRECTIVES, "*") for name in configured):
        return []
    return [
        Error(
            "OIDC_LOGOUT_CLEAR_SITE_DATA is not a list of directives that browsers know.",
            hint=f"List, without inner quotes, any of {', '.join(DIRECTIVES)} or *.",
            id="oidc_logout.E007",
        )
    ]


def check_allowed_hosts() -> list[CheckMessage]:
    """Check that the allowed hosts are hosts."""
    configured = conf.raw("OIDC_LOGOUT_ALLOWED_HOSTS")
    if configured is None or (
        isinstance(configured, list | tuple | set)
        and all(isinstance(host, str) and not {"/", "*"} & set(host) for host in configured)
    ):
        return []
    return [
        Error(
            "OIDC_LOGOUT_ALLOWED_HOSTS is not a list of hosts.",
            hint='Write each host as in a URL, without the scheme: ["app.example.com:8443"].',
            id="oidc_logout.E008",
        )
    ]


def check_flags() -> list[CheckMessage]:
    """Check that each flag is True or False."""
    return [
        Error(
            f"{name} is {conf.raw(name)!r}.",
            hint='Set it to True or False. The string "False" counts as True.',
            id="oidc_logout.E009",
        )
        for name in FLAGS
        if not isinstance(conf.raw(name, default=False), bool)
    ]


def check_names() -> list[CheckMessage]:
    """Check that each setting with the package's prefix exists."""
    return [
        Warning(
            f"{name} is not a setting of django-oidc-logout.",
            hint=f"{unknown.suggestion(name, conf.own_names)}The settings are "
            f"{', '.join(conf.own_names)}.",
            id="oidc_logout.W002",
        )
        for name in conf.written("OIDC_LOGOUT_")
        if name not in conf.own_names
    ]


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
    history.check_history_days,
    history.check_keep_device,
    history.check_device_parser,
)
