"""Signals. They are sent with `send_robust`, so a receiver's failure does not change the result."""

from django.dispatch import Signal

# Emitted when a sign-in through a provider has been recorded, or could not be.
# Arguments: request, session (an OIDCSession, or None), provider (its alias; empty if it is not
# known), code (a SignInCode).
signed_in = Signal()

# Emitted when a sign-in through a provider was refused.
# Arguments: request, provider (its alias), sub_digest (the digest of the person's `sub`), code (a
# RefusedCode).
sign_in_refused = Signal()

# Emitted when a person has been signed out of the site.
# Arguments: request, user (None if nobody was signed in, or Django does not accept the user),
# session (an OIDCSession, no longer in the database, or None), outcome (an Outcome), handle (of the
# session, see `api.session_handle`; empty if nobody was signed in).
signed_out = Signal()

# Emitted when the provider, staff or the site's own code has ended a session.
# Arguments: session (an OIDCSession, no longer in the database), reason (a sentence),
# code (an EndedCode), actor (the user who ended it, or None), source (a Source), handle (of the
# session, see `api.session_handle`).
session_ended = Signal()

# Emitted when a logout token or a security event was rejected, or its sessions could not be ended.
# Arguments: issuer and provider (its alias; both are empty if it is not a configured issuer),
# reason (a sentence), code (a RejectedCode).
logout_token_rejected = Signal()

# Emitted when a provider has reported a security event, after the sessions that it ends have ended.
# Arguments: provider (an alias), event (its URI), subject (a dict, RFC 9493), details (a dict).
security_event = Signal()
