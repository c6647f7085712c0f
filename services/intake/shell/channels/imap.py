"""Mail of a mailbox anywhere: it is polled (`mailroom/imap_door.py`), and its relay takes ours."""

from __future__ import annotations

from services.intake.core.model import Channel as Medium
from services.intake.shell.channels.protocol import Channel
from services.intake.shell.channels.smtp_sender import SmtpSender

CHANNEL = Channel("imap", media=frozenset({Medium.EMAIL}), hooks=(), sender=SmtpSender)
