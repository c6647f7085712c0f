"""Routing: what each conversation needs, and which agent it goes to."""
