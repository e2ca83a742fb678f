"""Two small sites that sign people in, and really out, through OpenID Connect."""
