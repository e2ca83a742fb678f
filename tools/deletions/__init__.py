"""Statement deletion: mutation testing that deletes one statement at a time."""
