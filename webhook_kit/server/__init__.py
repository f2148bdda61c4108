"""The web server: granian, with bodies that are received in full before a thread handles the request."""
