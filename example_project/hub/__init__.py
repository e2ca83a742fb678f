"""The page to open first: both sites, their provider, and what happens between them."""
