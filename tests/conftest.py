"""What every test may use: real servers (`kafka`, `postgres`), started only when asked for."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.support.stack"]

# A slow machine fails nothing. CI plays the same examples for the same code; people at their desks,
# and whoever sets HYPOTHESIS_PROFILE=explore, look for new ones.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("explore"), derandomize=True)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "explore")
)
