"""Access to Redis: connections, keys, alerts and the RQ queues."""
