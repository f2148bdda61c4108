"""Gett's API: models, clients, signatures and problem documents. Of the rest of the kit it uses the exceptions only."""
