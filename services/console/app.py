"""The only wiring of the service: which part gets which."""

from __future__ import annotations

from switchboard.console.v1 import console_service_pb2

from services.chassis.clock import SystemClock
from services.chassis.lifecycle import App
from services.chassis.process import Process
from services.chassis.rpc.methods import Service
from services.console.metrics import Metrics
from services.console.settings import ConsoleSettings
from services.console.shell import pages
from services.console.shell.grpc_api import ConsoleApi
from services.console.shell.hub import Hubs
from services.console.shell.upstreams import Channels

SERVICE = "console"


def build(settings: ConsoleSettings) -> App:
    """One process of the service, ready to be run."""
    process = Process(SERVICE, settings)
    metrics, clock = Metrics(process.catalogue), SystemClock()
    channels = Channels(settings)
    hubs = Hubs(channels, clock=clock, background=process.background, metrics=metrics)
    api = ConsoleApi(hubs, clock=clock, metrics=metrics)
    service = Service(console_service_pb2.DESCRIPTOR.services_by_name["ConsoleService"], api)
    grpc, http = process.doors([service], routes=pages.routes())
    return process.app(channels, hubs, grpc, http)
