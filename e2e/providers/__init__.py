"""Sites beside real identity providers, over real HTTP: no test client, and nothing made up."""
