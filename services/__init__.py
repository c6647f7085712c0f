"""Switchboard's services: each folder is one deployable; `chassis` is the platform they share."""
