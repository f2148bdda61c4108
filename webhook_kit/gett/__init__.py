"""Gett's language: models, signatures, the client. It knows nothing of the rest of the kit but its exceptions.

models: what travels · signing: how webhooks prove themselves · client: the Commerce API, one method per call.
"""
