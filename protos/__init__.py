"""The contracts: protobuf sources, the topic registry, and the programs that check and generate from them."""
