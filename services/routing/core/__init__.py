"""The rules of routing, pure: triage, and the matcher. Nothing here does I/O."""
