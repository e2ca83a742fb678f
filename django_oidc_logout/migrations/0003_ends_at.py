from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_oidc_logout", "0002_acts_as")]

    operations = [
        migrations.AddField(
            model_name="oidcsession",
            name="ends_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="ends at the latest"),
        ),
        migrations.AddIndex(
            model_name="oidcsession",
            index=models.Index(fields=["ends_at"], name="oidc_session_ends"),
        ),
        migrations.CreateModel(
            name="ReauthenticationMark",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sub_digest", models.CharField(max_length=64, unique=True)),
                ("not_before", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["not_before"], name="oidc_mark_not_before")],
            },
        ),
    ]
