"""Signals. All are sent robustly and after the fact: a receiver's failure changes nothing."""

from django.dispatch import Signal

# Emitted when a person has been signed out of the site.
# Arguments: request, user (None if nobody was signed in), outcome (an Outcome).
signed_out = Signal()

# Emitted when a session was ended from elsewhere: by its provider, by staff or by code.
# Arguments: session (an OIDCSession, no longer in the database), reason (a sentence).
session_ended = Signal()

# Emitted when a provider's logout token was refused, or could not be obeyed.
# Arguments: issuer (empty if it is none of ours), reason (a sentence).
logout_token_rejected = Signal()
