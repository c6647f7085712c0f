"""Mail as a channel: whose a mail is and what it continues, its doors, and its way out.

What stands in a mail is read by `shell/mail`, which knows nothing of accounts; providers' webhooks
are in `shell/channels`.
"""
