"""Where the content of attachments is kept, and what it is taken for."""
