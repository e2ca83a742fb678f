"""Sign-ins: recording them, and refusing those that must be renewed."""
