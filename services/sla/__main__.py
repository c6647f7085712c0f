"""`python -m services.sla`: settings → app.build() → run."""

from __future__ import annotations

from services.chassis.lifecycle import run
from services.chassis.settings import load
from services.chassis.telemetry import logs, tracing
from services.sla.app import SERVICE, build
from services.sla.settings import SlaSettings


def main() -> None:
    """Serve until a signal; exits with the process' status."""
    settings = load(SlaSettings)
    logs.configure(service=SERVICE, level=settings.log_level, error_text=settings.log_error_text)
    tracing.configure(
        service=SERVICE,
        ratio=settings.trace_ratio,
        otlp_endpoint=settings.otlp_endpoint,
        file=settings.trace_file,
    )
    try:
        run(lambda: build(settings))
    finally:
        tracing.shutdown()


if __name__ == "__main__":
    main()
