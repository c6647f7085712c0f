"""Apache Kafka on this machine: its jars, its settings, its process."""
