"""Faust, Postgres, Kafka and gRPC around the fold."""
