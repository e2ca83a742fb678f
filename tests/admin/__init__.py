"""The admin. The other tests do without it, as a site may."""
