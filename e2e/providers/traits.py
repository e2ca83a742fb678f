"""What each identity provider does. The tests check it, and the documentation shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutToken:
    """The shape of a logout token."""

    typ: str
    """The header's `typ`; empty if it has none."""
    exp: bool
    """Whether it says when it expires."""
    names: frozenset[str]
    """By what it names a session, for a client that wants the `sid`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    name: str
    page: str
    """Of the documentation."""
    asks: bool
    """Whether it asks people if they mean it."""
    back_without_a_session: bool = True
    """Whether it sends people back whom it does not know any more."""
    sid: bool
    """Whether its ID Tokens name a session."""
    audiences: bool = False
    """Whether `aud` is a list in its ID Tokens."""
    logout_token: LogoutToken | None = None
    """What it posts, if it has the back-channel."""
    tells_by_sub: bool = False
    """Whether it names the person alone to a client that wants no `sid`."""
    front_channel: bool = False


OIDC_PROVIDER_9 = Traits(
    name="oidc-provider 9",
    page="oidc-provider",
    asks=True,
    sid=True,
    logout_token=LogoutToken(typ="logout+jwt", exp=True, names=frozenset({"sid", "sub"})),
    tells_by_sub=True,
)
OIDC_PROVIDER_6 = Traits(
    name="oidc-provider 6",
    page="oidc-provider",
    asks=True,
    sid=True,
    logout_token=LogoutToken(typ="JWT", exp=False, names=frozenset({"sid", "sub"})),
    tells_by_sub=True,
    front_channel=True,
)
IDPYOIDC = Traits(
    name="idpyoidc 5",
    page="idpyoidc",
    asks=True,
    back_without_a_session=False,
    sid=True,
    audiences=True,
    logout_token=LogoutToken(typ="", exp=True, names=frozenset({"sid"})),
    front_channel=True,
)
DJANGO_OAUTH_TOOLKIT = Traits(
    name="django-oauth-toolkit 3",
    page="django-oauth-toolkit",
    asks=False,
    sid=False,
)
CANAILLE = Traits(
    name="canaille 0.3",
    page="canaille",
    asks=False,
    sid=False,
    audiences=True,
)
KEYCLOAK = Traits(
    name="Keycloak 26",
    page="keycloak",
    asks=False,
    sid=True,
    logout_token=LogoutToken(typ="logout+jwt", exp=True, names=frozenset({"sid", "sub"})),
    tells_by_sub=True,
    front_channel=True,
)
ALL = (KEYCLOAK, OIDC_PROVIDER_9, OIDC_PROVIDER_6, IDPYOIDC, DJANGO_OAUTH_TOOLKIT, CANAILLE)
