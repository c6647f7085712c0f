"""The path bench: a customer's message from the webhook to an agent's offer, beside bare loops."""
