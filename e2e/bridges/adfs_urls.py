"""The pages, and what docs/how-to/adfs.md says."""

from e2e.sites import pages, written

urlpatterns = [
    *pages.urlpatterns(sign_in="""<a href="{% url 'django_auth_adfs:login' %}">Sign in</a>"""),
    *written.urls("docs/how-to/adfs.md"),
]
