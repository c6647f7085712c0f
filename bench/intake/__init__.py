"""How fast messages come in: the edge, the threader, and a lookup among two million people."""
