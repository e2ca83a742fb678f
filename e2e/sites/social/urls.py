"""The pages, and what docs/how-to/social-auth.md says."""

from e2e.sites import pages, written

urlpatterns = [
    *pages.urlpatterns(
        sign_in="""<form method="post" action="{% url 'social:begin' 'oidc' %}">"""
        "{% csrf_token %}<button></form>"
    ),
    *written.urls("docs/how-to/social-auth.md"),
]
