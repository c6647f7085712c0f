"""The feedback core: who is asked when, and what an answer means. Pure."""
