"""Documentation, and the program that prints its generated parts."""
