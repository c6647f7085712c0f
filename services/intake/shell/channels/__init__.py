"""The channels, one file each. A file here is a channel: nothing else lists them.

To add one, write a module with a `CHANNEL` of type `Channel` (see `protocol.py`): how to verify,
parse and answer its webhooks, and how to send, if it can. `discovery.py` finds it.
"""
