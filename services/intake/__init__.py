"""Intake: every message in once, threaded into one conversation, and answered on its channel."""
