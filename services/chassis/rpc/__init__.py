"""gRPC and Connect around the same servicers: auth, deadlines, validation, errors."""
