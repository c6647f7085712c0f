"""The stack without Docker: Kafka, Postgres, the services and their proof, on any machine."""
