"""Signals. All are sent robustly and after the fact: a receiver's failure changes nothing."""

from django.dispatch import Signal

# Emitted when a person has been signed out of the site.
# Arguments: request, user (None if nobody was signed in), outcome (an Outcome).
signed_out = Signal()
