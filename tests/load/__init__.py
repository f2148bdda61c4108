"""A whole installation under load: an hour at a tenth of its capacity, and ten times its capacity."""
