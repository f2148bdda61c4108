"""Each benchmark measures against a named alternative and a limit in one run."""
