"""Intake's processors: the threader, and the delivery."""
