"""System checks of what security standards require. Each message names the requirement.

They run only with `--deploy`, and do not use the network or the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.checks import CheckMessage, Warning

from ..conf import conf
from . import lookup

if TYPE_CHECKING:
    from ..conf import ProviderOptions


def _named(aliases: list[str]) -> str:
    return ", ".join(map(repr, aliases))


def check_lifetime() -> list[CheckMessage]:
    """Check that sessions have an absolute maximum lifetime."""
    endless = [alias for alias, each in conf.known_providers.items() if not each.max_session_age]
    if not endless:
        return []
    return [
        Warning(
            f"Sessions of {_named(endless)} do not have an absolute maximum lifetime: while they "
            "are in use, they never expire (ASVS 5.0 7.3.2, IPSIE SL1).",
            hint="Set MAX_SESSION_AGE of each provider, in seconds. If the provider's ID Tokens "
            "have session_expiry, silence this.",
            id="oidc_logout.W051",
        )
    ]


def check_history() -> list[CheckMessage]:
    """Check that the history of sign-ins, sign-outs and refusals is kept."""
    if conf.OIDC_LOGOUT_HISTORY_DAYS:
        return []
    return [
        Warning(
            "OIDC_LOGOUT_HISTORY_DAYS is 0: nobody can look up later who was signed out, when and "
            "by whom (ASVS 5.0 16.2.1 and 16.3.1).",
            hint="Set it to the number of days that your log inventory says. If a receiver of the "
            "signals writes your own audit log, silence this.",
            id="oidc_logout.W052",
        )
    ]


def check_follow_user() -> list[CheckMessage]:
    """Check that sessions end when their user is deactivated or changes the password."""
    if conf.OIDC_LOGOUT_FOLLOW_USER:
        return []
    return [
        Warning(
            "OIDC_LOGOUT_FOLLOW_USER is off: sessions stay alive when their user is disabled or "
            "deleted, or changes the password (ASVS 5.0 7.4.2 and 7.4.3).",
            hint="Remove the setting. If your own code calls end_sessions() then, silence this.",
            id="oidc_logout.W053",
        )
    ]


def check_news_from_provider() -> list[CheckMessage]:
    """Check that each provider has a way to end sessions here."""
    silent = [alias for alias, each in conf.known_providers.items() if not _can_tell(each)]
    if not silent:
        return []
    return [
        Warning(
            f"The site does not learn that a session or an account has ended at {_named(silent)} "
            "(ASVS 5.0 7.6.1, NIST SP 800-63C-4 section 4.7, IPSIE SL2).",
            hint="Set RECHECK and run oidc_logout_recheck regularly, or set SHARED_SIGNALS if the "
            "provider sends security events.",
            id="oidc_logout.W054",
        )
    ]


def check_type() -> list[CheckMessage]:
    """Check that the `typ` of a logout token is required."""
    lenient = [
        alias
        for alias, options in conf.known_providers.items()
        if _has_channel(options) and not options.require_typ
    ]
    if not lenient:
        return []
    return [
        Warning(
            f"A logout token of {_named(lenient)} may lack its typ (ASVS 5.0 10.5.5).",
            hint="Set REQUIRE_TYP if the provider sends typ: oidc_logout_doctor says so after its "
            "first logout token. If it does not, silence this.",
            id="oidc_logout.W055",
        )
    ]


def _can_tell(options: ProviderOptions) -> bool:
    """Return whether a provider can send a logout token or an event, or is asked regularly."""
    return _has_channel(options) or options.shared_signals is not None or options.recheck


def _has_channel(options: ProviderOptions) -> bool:
    return bool(getattr(lookup.load(options.backend), "has_logout_channel", True))


PROVIDER_CHECKS = (check_lifetime, check_news_from_provider, check_type)
CHECKS = (
    check_lifetime,
    check_history,
    check_follow_user,
    check_news_from_provider,
    check_type,
)
