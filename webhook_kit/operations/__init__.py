"""Read models and actions of the people who operate an installation: each question answered once, for CLI, console and JSON API."""
