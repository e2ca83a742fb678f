"""A small site that signs people in, and really out, through OpenID Connect."""
