"""Mail of one's own servers: a relay hands it over (`mailroom/smtp_door.py`) and takes ours."""

from __future__ import annotations

from services.intake.core.model import Channel as Medium
from services.intake.shell.channels.protocol import Channel
from services.intake.shell.channels.smtp_sender import SmtpSender

CHANNEL = Channel("smtp", media=frozenset({Medium.EMAIL}), hooks=(), sender=SmtpSender)
