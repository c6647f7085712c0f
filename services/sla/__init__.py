"""Service levels: the clocks that run on every conversation, their warnings and breaches."""
