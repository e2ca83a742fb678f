"""Sign-ins: recording them, and responding to those that are refused."""
