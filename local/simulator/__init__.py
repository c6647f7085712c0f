"""The provider simulator: Twilio's messaging API as seen from outside, with faults on demand.

It has no feature that the real provider lacks: no idempotency key on creation, a list to look
messages up by recipient, sender and day, receipts that may come twice, late, or never.
"""
