from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_oidc_logout", "0005_security_events")]

    operations = [
        migrations.AddField(
            model_name="oidcsession",
            name="handle",
            field=models.CharField(blank=True, default="", max_length=32),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="oidcsession",
            index=models.Index(fields=["handle"], name="oidc_session_handle"),
        ),
    ]
