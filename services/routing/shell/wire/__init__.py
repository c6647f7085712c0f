"""Between the wire and the core. No message type goes further in than here."""
