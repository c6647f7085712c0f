"""The rules of intake, pure: what a conversation is and how it moves. Nothing here does I/O."""
