"""The doors of the service: the bus, gRPC, the survey's page, Postgres, and the wire types."""
