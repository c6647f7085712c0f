"""The bus: shards, the engine that processes them exactly once, and the ways on and off it."""
