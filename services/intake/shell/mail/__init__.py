"""Reads e-mail, raw (RFC 5322, MIME) or taken apart by a provider, into one normalised value.

`reading.py` is pure and can be made to take very long; doors ask `sandbox.py`, which runs it where
it may be killed. Nothing here knows of accounts, conversations or the bus.
"""
