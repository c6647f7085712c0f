"""Triage: whether a conversation needs an agent, and which kind. Pure."""
