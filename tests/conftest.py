"""What every test may use: real servers (`kafka`, `postgres`), started only when asked for."""

pytest_plugins = ["tests.support.stack"]
