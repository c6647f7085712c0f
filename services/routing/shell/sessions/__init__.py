"""Agents' sessions: streams that this process holds, and the lease that vouches for them."""
