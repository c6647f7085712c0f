"""The doors of the service: the bus, gRPC, Postgres, and the wire types that stop here."""
