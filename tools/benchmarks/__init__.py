"""How fast the package is, compared with its peers and with the least possible work."""
