"""Gett's language: models, signatures, the client. It knows nothing of the rest of the kit."""
