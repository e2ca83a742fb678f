"""The URLs of the page that shows the demo."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("steps/", views.steps, name="steps"),
    path("stream/", views.stream, name="stream"),
    path("switch/", views.switch, name="switch"),
    path("clear/", views.clear, name="clear"),
]
