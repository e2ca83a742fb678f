"""A user model that suits every peer: one of them looks people up by `sub`."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Person(AbstractBaseUser):
    """Somebody who signs in."""

    username = models.CharField(max_length=150, unique=True)
    email = models.EmailField()
    sub = models.CharField(max_length=150, unique=True)
    is_active = True

    objects = BaseUserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"

    def __str__(self):
        return self.username
