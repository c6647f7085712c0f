"""The servicers: AgentService, RoutingService, PolicyService."""
