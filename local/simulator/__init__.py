"""The provider simulator: the providers' sending APIs as seen from outside, with faults on demand.

Nobody has a feature here that the real provider lacks: idempotency keys, look-ups, receipts and the
windows in which somebody may be written to are theirs. Receipts may come twice, late, or never.
"""
