"""Web chat at the edge: sessions, sockets, and what each visitor is shown."""
