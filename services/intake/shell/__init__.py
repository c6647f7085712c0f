"""Where intake meets the world: Kafka, Postgres, gRPC, HTTP and the providers."""
