"""The RPC doors: each servicer translates, calls, translates. Writes go through their owner."""
