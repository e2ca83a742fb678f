"""Codes of the log records that need attention."""

from __future__ import annotations

from .base import Code


class LogCode(Code):
    """The code of a log record that needs attention. The log message is its sentence."""

    # At a sign-in.
    SIGN_IN_NOT_POSSIBLE = "sign_in_not_possible"
    SIGN_IN_NOT_RECORDED = "sign_in_not_recorded"
    NOTHING_RECORDED = "nothing_recorded"
    ID_TOKEN_NOT_KEPT = "id_token_not_kept"  # noqa: S105  # a code
    USER_SWITCH_NOT_RECORDED = "user_switch_not_recorded"
    REPLACED_ROW_NOT_REMOVED = "replaced_row_not_removed"
    REPLACED_SESSION_NOT_DELETED = "replaced_session_not_deleted"
    UNKNOWN_PROVIDER = "unknown_provider"
    NO_MATCHING_PROVIDER = "no_matching_provider"
    METADATA_NOT_RENEWED = "metadata_not_renewed"
    EXPIRY_IGNORED = "expiry_ignored"
    REAUTHENTICATION_NOT_CHECKED = "reauthentication_not_checked"
    REAUTHENTICATION_IGNORED = "reauthentication_ignored"
    # At a sign-out.
    PROVIDER_CLASS_FAILED = "provider_class_failed"
    TOKEN_NOT_REVOKED = "token_not_revoked"  # noqa: S105  # a code
    PROVIDERS_NOT_READ = "providers_not_read"
    UNSAFE_TARGET = "unsafe_target"
    BAD_REDIRECT_URL = "bad_redirect_url"
    USER_NOT_LOADED = "user_not_loaded"
    RECEIVER_FAILED = "receiver_failed"
    RECEIVER_QUERY_FAILED = "receiver_query_failed"
    OTHER_LOGOUT_NOT_DELETED = "other_logout_not_deleted"
    SESSION_NOT_DELETED = "session_not_deleted"
    # Sessions and their rows.
    SUB_DIFFERS = "sub_differs"
    SESSION_NOT_ENDED = "session_not_ended"
    BATCH_NOT_ENDED = "batch_not_ended"
    ACCOUNT_NOT_FOLLOWED = "account_not_followed"
    USERS_NOT_CHECKED = "users_not_checked"
    EXISTENCE_NOT_CHECKED = "existence_not_checked"
    ROW_NOT_READ = "row_not_read"
    ROW_NOT_REMOVED = "row_not_removed"
    SOCKETS_NOT_TOLD = "sockets_not_told"
    CONNECTION_NOT_WATCHED = "connection_not_watched"
    KEY_NOT_RECORDED = "key_not_recorded"
    MARKS_NOT_WRITTEN = "marks_not_written"
    NO_MARK_SET = "no_mark_set"
    EXPIRY_NOT_RECORDED = "expiry_not_recorded"
    NOT_RECHECKED = "not_rechecked"
    OVERDUE_NOT_ENDED = "overdue_not_ended"
    SAVED_NOT_CHECKED = "saved_not_checked"
    LOADED_NOT_CHECKED = "loaded_not_checked"
    COOKIE_NOT_CHECKED = "cookie_not_checked"
    EVENT_NOT_PROCESSED = "event_not_processed"
    HISTORY_NOT_WRITTEN = "history_not_written"
    # The cache.
    CACHE_FAILED = "cache_failed"
