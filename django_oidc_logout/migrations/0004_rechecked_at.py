from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_oidc_logout", "0003_ends_at")]

    operations = [
        migrations.AddField(
            model_name="oidcsession",
            name="rechecked_at",
            field=models.DateTimeField(
                blank=True, null=True, verbose_name="checked at the provider"
            ),
        ),
    ]
