"""The pages, Wagtail's admin and a browsable API, as docs/how-to/other-logout-buttons.md says."""

from django.contrib.auth import get_user_model
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.urls import include, path
from rest_framework.decorators import api_view
from rest_framework.response import Response
from wagtail.admin import urls as wagtailadmin_urls

from e2e.sites import pages, written
from e2e.sites.table import BUTTONS_PAGE

BUTTON = (
    '<form method="post" action="{% url "wagtailadmin_logout" %}">{% csrf_token %}<button></form>'
)


@receiver(pre_save, sender=get_user_model(), dispatch_uid="e2e.sites.wagtail.promote")
def promote(instance, **_):
    """Let everybody into Wagtail's admin."""
    instance.is_superuser = True


@api_view()
def api(request):
    return Response()


urlpatterns = [
    *pages.urlpatterns(
        sign_in='<a href="{% url "oidc_authentication_init" %}">Sign in</a>',
        button=pages.OUR_BUTTON if written.OWN["forgets"] else BUTTON,
    ),
    path("api/", api),
]
if written.OWN["forgets"]:
    urlpatterns += [
        path("cms/", include(wagtailadmin_urls)),
        path("api-auth/", include("rest_framework.urls")),
        *written.urls("README.md"),
    ]
else:
    urlpatterns += [
        *written.urls(BUTTONS_PAGE, "Wagtail"),
        *written.urls(BUTTONS_PAGE, "Django REST framework's browsable API"),
    ]
