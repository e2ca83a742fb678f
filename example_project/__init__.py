"""Two small sites that sign people in, and completely out, through OpenID Connect."""
