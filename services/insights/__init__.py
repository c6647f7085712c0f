"""Indicators of every minute, made from what the other services tell."""
