"""The index of sessions that began with a sign-in through an identity provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .codes import Source
from .conf import conf
from .fields import DigestField, EncryptedTextField

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


KINDS = ("sign_in", "refused", "sign_out", "ended", "rejected")
"""The kinds of events in the history."""
SOURCES = [(source.value, source.value) for source in Source]


class OIDCSession(models.Model):
    """A browser session that began with a sign-in through an identity provider.

    Identifiers are opaque and can be long, so queries use their digests.
    """

    provider = models.CharField(
        _("provider"),
        max_length=100,
        blank=True,
        help_text=_("Empty if the provider is not configured."),
    )
    issuer = models.TextField(_("issuer"))
    sub = models.TextField(_("subject"))
    sid = models.TextField(_("session at the provider"), blank=True)
    sub_digest = DigestField(source="sub")
    sid_digest = DigestField(source="sid")
    # Not derived from another column: the address itself is not kept. The database has the default
    # too, for processes of the previous version, which do not know the column.
    email_digest = models.CharField(
        max_length=64, blank=True, default="", db_default="", editable=False
    )
    session_key = models.CharField(_("session key"), max_length=128, unique=True)
    user = models.ForeignKey(
        conf.AUTH_USER_MODEL,
        verbose_name=_("user"),
        related_name="oidc_sessions",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
    )
    acts_as = models.ForeignKey(
        conf.AUTH_USER_MODEL,
        verbose_name=_("acts as"),
        related_name="oidc_sessions_as",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        help_text=_("Empty unless somebody is signed in as another user."),
    )
    handle = models.CharField(max_length=32, blank=True)
    signed_in_at = models.DateTimeField(_("signed in"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))
    ends_at = models.DateTimeField(_("ends at the latest"), null=True, blank=True)
    rechecked_at = models.DateTimeField(_("checked at the provider"), null=True, blank=True)
    last_seen_at = models.DateTimeField(_("last seen"), default=timezone.now)
    device = models.CharField(_("device"), max_length=100, blank=True)
    address = models.CharField(_("IP address"), max_length=45, blank=True)
    id_token = EncryptedTextField(_("ID Token"), blank=True)
    refresh_token = EncryptedTextField(_("refresh token"), blank=True)

    class Meta:
        verbose_name = _("OpenID Connect session")
        verbose_name_plural = _("OpenID Connect sessions")
        indexes = (
            models.Index(fields=["sub_digest"], name="oidc_session_sub"),
            models.Index(fields=["sid_digest"], name="oidc_session_sid"),
            models.Index(fields=["email_digest"], name="oidc_session_email"),
            models.Index(fields=["handle"], name="oidc_session_handle"),
            models.Index(fields=["signed_in_at"], name="oidc_session_signed_in"),
            models.Index(fields=["expires_at"], name="oidc_session_expires"),
            models.Index(fields=["ends_at"], name="oidc_session_ends"),
        )

    def __str__(self) -> str:
        return f"{self.person} ({self.provider or self.issuer})"

    @property
    def person(self) -> str:
        """A name to show: the full name first, because mozilla's user names are hashes."""
        name = name_of(self.user) if self.user else self.sub
        if self.acts_as is None:
            return name
        names = {"person": name, "other": name_of(self.acts_as)}
        return gettext("%(person)s, acting as %(other)s") % names

    @property
    def email(self) -> str:
        """The user's e-mail address, or the empty string."""
        if self.user is None:
            return ""
        return getattr(self.user, self.user.get_email_field_name(), "")


class SessionEvent(models.Model):
    """A row of the history: a sign-in, a sign-out, an ended session, or a rejection.

    The database does not constrain its foreign keys to users. So a write does not fail if the user
    is gone, and a user can always be deleted.
    """

    at = models.DateTimeField(_("time"), default=timezone.now)
    kind = models.CharField(_("event"), max_length=20, choices=[(kind, kind) for kind in KINDS])
    code = models.CharField(_("code"), max_length=50)
    source = models.CharField(_("source"), max_length=20, blank=True, choices=SOURCES)
    user = models.ForeignKey(
        conf.AUTH_USER_MODEL,
        verbose_name=_("user"),
        related_name="oidc_events",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_constraint=False,
    )
    actor = models.ForeignKey(
        conf.AUTH_USER_MODEL,
        verbose_name=_("by"),
        related_name="oidc_events_as_actor",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_constraint=False,
    )
    provider = models.CharField(_("provider"), max_length=100, blank=True)
    sub_digest = models.CharField(max_length=64, blank=True)
    sid_digest = models.CharField(max_length=64, blank=True)
    device = models.CharField(_("device"), max_length=100, blank=True)
    address = models.CharField(_("IP address"), max_length=45, blank=True)

    class Meta:
        verbose_name = _("session event")
        verbose_name_plural = _("session events")
        indexes = (models.Index(fields=["at"], name="oidc_event_at"),)

    def __str__(self) -> str:
        return f"{self.kind}: {self.code}"


class ReauthenticationMark(models.Model):
    """A person who cannot sign in until they authenticate at the provider after `not_before`."""

    sub_digest = models.CharField(max_length=64, unique=True)
    not_before = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["not_before"], name="oidc_mark_not_before"),)

    def __str__(self) -> str:
        return f"not before {self.not_before}"


class ReceivedEvent(models.Model):
    """A security event that was received. It is kept for days, to detect a repetition."""

    digest = models.CharField(max_length=64, unique=True)
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        indexes = (models.Index(fields=["received_at"], name="oidc_event_received"),)

    def __str__(self) -> str:
        return self.digest


class SignalStream(models.Model):
    """When a provider's stream of security events was last verified."""

    provider = models.CharField(max_length=100, unique=True)
    verified_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.provider


def name_of(user: AbstractBaseUser) -> str:
    """Return a name to show: the full name first, because mozilla's user names are hashes."""
    full_name: str = getattr(user, "get_full_name", str)()
    return full_name or user.get_username()
