"""The engine against the loop one would write by hand, and against stock Faust."""
