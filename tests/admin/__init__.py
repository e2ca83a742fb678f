"""Tests of the admin. The other tests run without it, as a site can."""
