"""Checks in the manner of `linkerd check`: each is passed or not, and says what to do."""
