"""The rules of the menu: what a cart may hold, when, and what it costs. It knows Gett's language and nothing else."""
