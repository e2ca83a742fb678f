"""System checks of the option `SHARED_SIGNALS`: where security events come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error, Warning

from ..conf import SIGNALS_KEYS
from ..providers import fetch
from ..security_events import policy
from . import lookup, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..conf import ProviderOptions

URLS = ("ISSUER", "JWKS_URI")


def _dicts() -> Iterator[tuple[str, Mapping[str, Any], ProviderOptions]]:
    """Yield each such option: its name, its value as written, and the provider's options."""
    for alias, entry, options in lookup.provider_entries():
        written = entry.get("SHARED_SIGNALS")
        if isinstance(written, Mapping):
            yield f"OIDC_LOGOUT_PROVIDERS[{alias!r}]['SHARED_SIGNALS']", written, options


def _policies() -> Iterator[tuple[str, Any, Any, ProviderOptions]]:
    for name, written, options in _dicts():
        events = written.get("POLICY")
        for event, action in events.items() if isinstance(events, Mapping) else ():
            yield name, event, action, options


def check_keys() -> list[CheckMessage]:
    """Check that each key exists."""
    written = ((name, keys) for name, keys, _options in _dicts())
    return unknown.keys(written, SIGNALS_KEYS, id_="oidc_logout.E037")


def check_urls() -> list[CheckMessage]:
    """Check that each URL is on https or loopback."""
    return [
        Error(
            f"{name}[{key!r}] is not an https URL.",
            hint="Set it to the whole https URL; http is for loopback only.",
            id="oidc_logout.E038",
        )
        for name, written, _ in _dicts()
        for key in URLS
        if _is_given(written, key) and written[key] != "" and not fetch.is_secure(written[key])
    ]


def check_authorization() -> list[CheckMessage]:
    """Check that a provider can send this header."""
    return [
        Warning(
            f"{name}['AUTHORIZATION'] is empty or has spaces around it.",
            hint="Set it to the whole header that the provider sends, such as 'Bearer ...'. If it "
            "is empty, the header is not checked; with spaces around it, no header matches.",
            id="oidc_logout.W067",
        )
        for name, written, _ in _dicts()
        if _is_given(written, "AUTHORIZATION") and not _is_header(written["AUTHORIZATION"])
    ]


def _is_given(written: Mapping[str, Any], key: str) -> bool:
    return written.get(key) is not None


def _is_header(value: object) -> bool:
    return isinstance(value, str) and value == value.strip() != ""


def check_audience() -> list[CheckMessage]:
    """Check that the `aud` of an event can match."""
    return [
        Warning(
            f"{name}['AUDIENCE'] does not name an audience.",
            hint="Set it to the aud of the provider's events: text, or a list of texts. Without "
            "it, the aud must be CLIENT_ID; without both, each event is rejected.",
            id="oidc_logout.W068",
        )
        for name, written, options in _dicts()
        if options.shared_signals and not options.shared_signals.audience
        if _is_given(written, "AUDIENCE") or not options.client_id
    ]


def check_actions() -> list[CheckMessage]:
    """Check that each policy is a dict, and that each action exists."""
    return [
        Error(
            mistake,
            hint='Map each event to its action, such as {"session-revoked": "end"}. The actions '
            f"are {', '.join(map(repr, policy.ACTIONS))}.",
            id="oidc_logout.E039",
        )
        for mistake in _mistaken_policies()
    ]


def _mistaken_policies() -> Iterator[str]:
    for name, written, _ in _dicts():
        if _is_given(written, "POLICY") and not isinstance(written["POLICY"], Mapping):
            yield f"{name}['POLICY'] is not a dict, so the defaults apply to all events."
    for name, event, action, _ in _policies():
        if action not in policy.ACTIONS:
            yield f"{name}['POLICY'] has an unknown action {action!r} for {event!r}."


def check_events() -> list[CheckMessage]:
    """Check that each short name of an event is known. It is the last part of the event's URI.

    A whole URI is not checked, because the provider may have events of its own.
    """
    known = {policy.short_name(event) for event in policy.DEFAULTS}
    return [
        Warning(
            f"{name}['POLICY'] names the unknown event {event!r}.",
            hint="Write the event's whole URI, or correct its name: docs/explanation/"
            "security-events lists them.",
            id="oidc_logout.W048",
        )
        for name, event, _, options in _policies()
        if not policy.is_uri(event) and event not in known
        if not _is_of_provider(str(event), options)
    ]


def _is_of_provider(event: str, options: ProviderOptions) -> bool:
    """Return whether an event is one of the provider's own."""
    dialect = getattr(lookup.load(options.backend), "dialect", None)
    own = getattr(dialect, "policy", {})
    return event in {policy.short_name(each) for each in own}


CHECKS = (
    check_keys,
    check_urls,
    check_authorization,
    check_audience,
    check_actions,
    check_events,
)
