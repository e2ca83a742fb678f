"""An identity provider to try sign-out with: `python -m django_oidc_logout.demo` starts it."""
