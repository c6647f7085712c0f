"""The contracts: protobuf sources, the topic registry, and the programs that work on them."""
