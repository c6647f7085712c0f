"""The rules of delivery, pure: one effect for each outbound message, whatever dies on the way."""
