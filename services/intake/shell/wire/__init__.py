"""pb2 to core and back. Nothing behind this package knows a protobuf type."""
