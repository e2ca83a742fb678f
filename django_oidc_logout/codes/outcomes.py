"""Codes of sign-ins, sign-outs and ended sessions, and of messages that providers send."""

from __future__ import annotations

from typing import Self

from .base import Code, Source


class OutcomeCode(Code):
    """How a sign-out went: `Outcome.code`."""

    REDIRECTED = "redirected", "The browser was redirected to {name}."
    HINT_TOO_LONG = (
        "hint_too_long",
        "The ID Token was left out: the URL would have had {length} characters.",
    )
    HINT_KEY_WITHDRAWN = (
        "hint_key_withdrawn",
        "The ID Token was left out: the provider no longer has the key that signed it.",
    )
    NO_WAY_BACK = "no_way_back", "{name} does not send people back without an ID Token."
    LOCAL_ONLY = "local_only", "The request was to sign out of this site only."
    NOT_THROUGH_PROVIDER = (
        "not_through_provider",
        "The sign-in was not through an identity provider.",
    )
    NO_END_SESSION = "no_end_session", "{name} does not have an end-session endpoint."
    NO_SESSION_ID = "no_session_id", "{name} did not send a session ID at the sign-in."
    PROVIDER_SKIPPED = "provider_skipped", "The provider's class skipped the provider."
    OTHER_LOGOUT = (
        "other_logout",
        "The site's own logout ended the session and did not notify the provider.",
    )
    PROVIDER_UNAVAILABLE = "provider_unavailable", "The provider could not be notified: {why}."
    PROVIDER_NOT_CONFIGURED = (
        "provider_not_configured",
        "OIDC_LOGOUT_PROVIDERS does not say which provider to notify",
    )
    PROVIDERS_UNREADABLE = (
        "providers_unreadable",
        "OIDC_LOGOUT_PROVIDERS cannot be read: {why}",
    )
    PROVIDER_CLASS_FAILED = (
        "provider_class_failed",
        "The provider could not be notified: the log has the error.",
    )
    STORE_FAILED = (
        "store_failed",
        "The session store failed, so only the browser has forgotten the session.",
    )


class EndedCode(Code):
    """Why a session ended without its own sign-out: `session_ended(code=...)`."""

    source: Source

    def __new__(cls, value: str, source: Source, sentence: str) -> Self:
        """Create a member from its value, its source and its sentence."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.source, member.sentence = source, sentence
        return member

    BACK_CHANNEL = (
        "back_channel",
        Source.PROVIDER,
        "The provider ended the session (back-channel).",
    )
    BACK_CHANNEL_EARLY = (
        "back_channel_early",
        Source.PROVIDER,
        "The provider ended the session before it was recorded (back-channel).",
    )
    FRONT_CHANNEL = (
        "front_channel",
        Source.PROVIDER,
        "The provider ended the session (front-channel).",
    )
    NOT_CONFIRMED = (
        "not_confirmed",
        Source.PROVIDER,
        "The provider no longer confirms the sign-in.",
    )
    SECURITY_EVENT = (
        "security_event",
        Source.SECURITY_EVENT,
        "The provider ended the session (security event).",
    )
    SECURITY_EVENT_EARLY = (
        "security_event_early",
        Source.SECURITY_EVENT,
        "The provider ended the session before it was recorded (security event).",
    )
    TOKEN_REVOCATION = (
        "token_revocation",
        Source.SECURITY_EVENT,
        "The provider ended the session (token revocation).",
    )
    BY_STAFF = "by_staff", Source.STAFF, "Staff ended the session."
    BY_PERSON = "by_person", Source.PERSON, "The person ended the session."
    BY_SITE = "by_site", Source.SITE, "The site ended the session."
    USER_DEACTIVATED = "user_deactivated", Source.SITE, "The account was deactivated."
    USER_DELETED = "user_deleted", Source.SITE, "The account was deleted."
    PASSWORD_CHANGED = "password_changed", Source.SITE, "The account's password was changed."
    OVERDUE = "overdue", Source.EXPIRED, "The session has reached its end."
    GONE = "gone", Source.EXPIRED, "The session no longer existed."
    REPLACED = "replaced", Source.PERSON, "Somebody else signed in with the same browser."
    SIGN_IN_REFUSED = "sign_in_refused", Source.SITE, "A new sign-in in its place was refused."


class SignInCode(Code):
    """Whether a sign-in was recorded: `signed_in(code=...)`."""

    RECORDED = "recorded", "The sign-in was recorded."
    NOT_RECORDED = "not_recorded", "The sign-in could not be recorded, so it has no row."


class RefusedCode(Code):
    """Why a sign-in was refused. The template of the refusal page has it as `refusal.code`."""

    SESSION_OVER = "session_over", "the session would be over already"
    REAUTHENTICATION_REQUIRED = (
        "reauthentication_required",
        "the person must authenticate again at the provider",
    )


class NotEndedCode(Code):
    """Why an accepted message did not end a session."""

    UNKNOWN_SESSION = "unknown_session", "no matching session is known"
    SUB_DIFFERS = "sub_differs", "its sub is not that of its session"
    UNKNOWN_SUBJECT = "unknown_subject", "it does not name anybody whom the site can know"
    NONE_BEFORE = "none_before", "no matching session began before it"
    INCOMPLETE = "incomplete", "it does not have exactly one iss and one sid"
    UNKNOWN_ISSUER = "unknown_issuer", "its iss does not match a configured provider"


class RejectedCode(Code):
    """Why a provider's message was rejected: `logout_token_rejected(code=...)`."""

    WRONG_METHOD = "wrong_method", "the request is not a POST"
    WRONG_CONTENT_TYPE = (
        "wrong_content_type",
        "the body is not application/x-www-form-urlencoded",
    )
    UNREADABLE_BODY = "unreadable_body", "the body cannot be read"
    NOT_ONE_TOKEN = "not_one_token", "the body must have exactly one logout_token"
    TOO_LONG = "too_long", "the token is over {length} characters long"
    NOT_A_JWT = "not_a_jwt", "the token is not a signed JSON Web Token"
    NOT_JSON = "not_json", "the token's header or payload is not a JSON object"
    UNKNOWN_PROVIDER = (
        "unknown_provider",
        "the token's iss and aud do not match a configured provider",
    )
    NOT_SIGNED = "not_signed", "the token is not signed"
    WRONG_ALG = "wrong_alg", "the token's alg is not allowed, only {allowed}"
    UNKNOWN_CRIT = "unknown_crit", "the token's crit names an unsupported extension"
    WRONG_TYP = "wrong_typ", "the token's typ is not that of a logout token"
    KEYS_UNAVAILABLE = (
        "keys_unavailable",
        "the provider's keys cannot be fetched; the site's log says why",
    )
    PROVIDERS_UNREADABLE = (
        "providers_unreadable",
        "the site's providers cannot be read; the site's log says why",
    )
    BAD_SIGNATURE = "bad_signature", "signature verification failed"
    WRONG_ISS = "wrong_iss", "the token's iss is another issuer"
    WRONG_AUD = "wrong_aud", "the token's aud is another client"
    WRONG_AZP = "wrong_azp", "the token's azp is another client"
    NOT_A_TIME = "not_a_time", "the token's {name} is missing or not a time"
    IAT_IN_FUTURE = "iat_in_future", "the token's iat is in the future"
    TOO_OLD = "too_old", "the token is older than {seconds} seconds"
    EXPIRED = "expired", "the token has expired"
    MISSING_IDENTIFIER = "missing_identifier", "the token's {name} is missing or not a string"
    LONG_IDENTIFIER = "long_identifier", "the token's {name} is over {length} characters long"
    UNSTORABLE_IDENTIFIER = (
        "unstorable_identifier",
        "the token's {name} contains characters that cannot be stored",
    )
    WRONG_EVENTS = "wrong_events", "the token's events do not name a back-channel logout"
    HAS_NONCE = "has_nonce", "the token has a nonce, so it may be an ID Token"
    NO_SUB_OR_SID = "no_sub_or_sid", "the token has neither sub nor sid"
    USED = "used", "the token has been used"
    USED_CONCURRENTLY = "used_concurrently", "the token has been used at the same time"
    # Of security events.
    WRONG_EVENT_TYPE = "wrong_event_type", "the body is not application/secevent+jwt"
    NO_PAYLOAD = "no_payload", "the body does not have a payload"
    OTHER_MEDIA_TYPE = "other_media_type", "the body has another media type than its events"
    UNKNOWN_TRANSMITTER = (
        "unknown_transmitter",
        "the event's iss does not match a configured SHARED_SIGNALS",
    )
    OTHER_AUDIENCE = "other_audience", "the event's aud is not this site"
    WRONG_AUTHORIZATION = (
        "wrong_authorization",
        "the Authorization header is not that of SHARED_SIGNALS",
    )
    WRONG_EVENT_TYP = "wrong_event_typ", "the token's typ is not that of a security event"
    HAS_SUB_OR_EXP = "has_sub_or_exp", "the event has a {name}, which is not allowed"
    NOT_ONE_EVENT = "not_one_event", "the token does not have exactly one event"
    WRONG_SUBJECT = "wrong_subject", "the {name} of the event's subject is missing or malformed"
    WRONG_STATE = "wrong_state", "the state is not that of a verification"
    CONFIGURATION_UNAVAILABLE = (
        "configuration_unavailable",
        "the configuration of the event's sender cannot be fetched; the site's log says why",
    )
    # Of token revocations.
    NO_BEARER_TOKEN = "no_bearer_token", "the request does not have a bearer token"
    WRONG_REVOCATION_TYP = (
        "wrong_revocation_typ",
        "the token's typ is not that of a token revocation",
    )
    OTHER_URL = "other_url", "the token's aud is not the URL of this endpoint"
    OTHER_CLIENT = "other_client", "the token's sub is another client"
    NO_SUBJECT = "no_subject", "the body is not a JSON object with a sub_id"
    UNKNOWN_PERSON = "unknown_person", "nobody of this name is signed in"
    SESSIONS_NOT_ENDED = (
        "sessions_not_ended",
        "{failed} sessions could not be ended, {ended} were",
    )
