"""The operator's page: a Flask blueprint on the read models and actions of ``webhook_kit.operations``, and the same as JSON."""
