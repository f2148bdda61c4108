"""The whole in a storm: an installation as real processes, customers without a pause, faults from a seed, and invariants seen from outside."""
