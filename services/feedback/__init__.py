"""Feedback: how it went, asked once after each resolution, and what a bad answer sets in motion."""
