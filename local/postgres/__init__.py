"""PostgreSQL on this machine: its binaries, its cluster, its process."""
