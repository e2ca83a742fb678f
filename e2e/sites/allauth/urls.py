"""The pages, with allauth's own button, and what docs/how-to/allauth.md says."""

from django.urls import include, path

from e2e.sites import pages, written

FORM = '<form method="post" action="{{% url "{}" %}}">{{% csrf_token %}}<button></form>'

urlpatterns = [
    *pages.urlpatterns(
        sign_in="{% load socialaccount %}"
        """<form method="post" action="{% provider_login_url 'company' %}">"""
        "{% csrf_token %}<button></form>",
        button=pages.OUR_BUTTON if written.OWN["forgets"] else FORM.format("account_logout"),
    ),
    path("_allauth/", include("allauth.headless.urls")),
    *written.urls("docs/how-to/allauth.md"),
]
