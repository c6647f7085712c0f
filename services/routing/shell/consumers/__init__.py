"""The processors: triage, which asks for agents, and the matcher, which finds them."""
