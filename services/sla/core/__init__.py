"""The service-level core: clocks as a function of what happened, and of nothing else."""
