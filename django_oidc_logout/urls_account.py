"""The package's URLs with the page "Where you are signed in": to be included in place of `urls`.

In place, not beside: Django looks a namespace up in the first of its inclusions only.
"""

from django.urls import path

from . import account, urls

app_name = urls.app_name

urlpatterns = [
    *urls.urlpatterns,
    path("sessions/", account.SessionsView.as_view(), name="sessions"),
]
