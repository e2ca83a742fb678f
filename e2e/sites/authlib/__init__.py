"""A site that signs in through Authlib, as docs/how-to/authlib.md says."""
