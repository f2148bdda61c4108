"""webhook_kit: join a restaurant's point of sale to the Gett food-ordering network."""
