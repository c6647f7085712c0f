"""Pure: what is on the board, and what has changed on it since somebody last looked."""
