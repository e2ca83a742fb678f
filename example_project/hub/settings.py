"""Settings of the page that shows the demo. It keeps nothing but a list of steps in memory."""

INSTALLED_APPS = ["example_project.hub", "django_oidc_logout.demo", "django.contrib.staticfiles"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "example_project.hub.urls"

DEBUG = True
SECRET_KEY = "for-the-page-of-the-demo-on-this-machine-and-for-no-other-in-the-world"
ALLOWED_HOSTS = ["localhost"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    },
]
STATIC_URL = "static/"
TIME_ZONE = "UTC"
USE_TZ = True
