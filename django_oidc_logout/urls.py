"""The package's URLs. Include them before mozilla-django-oidc's."""

from django.urls import path

from . import views
from .security_events.views import GlobalTokenRevocationView, SecurityEventsView

app_name = "oidc_logout"

urlpatterns = [
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path("logout/callback/", views.CallbackView.as_view(), name="callback"),
    path("logout/backchannel/", views.BackChannelLogoutView.as_view(), name="backchannel"),
    path("logout/frontchannel/", views.FrontChannelLogoutView.as_view(), name="frontchannel"),
    path("logout/events/", SecurityEventsView.as_view(), name="events"),
    path("logout/reauthenticate/", views.ReauthenticateView.as_view(), name="reauthenticate"),
    path(
        "logout/revocation/",
        GlobalTokenRevocationView.as_view(),
        name="global_token_revocation",
    ),
    path("logout/status/", views.StatusView.as_view(), name="status"),
]
