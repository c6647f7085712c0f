"""The reconciler: joins what the outside saw with topics and tables, and says what doesn't fit.

It reads four ledgers (senders, agents, customers, provider), every topic from its beginning and
the services' tables, and checks the first four invariants of ARCHITECTURE.md. It changes nothing.
"""
