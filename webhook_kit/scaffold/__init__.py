"""A new adapter project, written from templates."""
