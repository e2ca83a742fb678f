"""A site that follows only the README's installation."""
