"""The package's URLs and the page "Where you are signed in". Include this instead of `urls`.

Do not include both: Django resolves a namespace only in its first inclusion.
"""

from django.urls import path

from . import account, urls

app_name = urls.app_name

urlpatterns = [
    *urls.urlpatterns,
    path("sessions/", account.SessionsView.as_view(), name="sessions"),
]
