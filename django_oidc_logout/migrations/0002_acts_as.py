from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("django_oidc_logout", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="oidcsession",
            name="acts_as",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty unless somebody is signed in as another user.",
                null=True,
                on_delete=models.SET_NULL,
                related_name="oidc_sessions_as",
                to=settings.AUTH_USER_MODEL,
                verbose_name="acts as",
            ),
        ),
    ]
