"""What all tests share: property tests never judge by time, and draw the same examples in every run."""

from hypothesis import HealthCheck, settings

settings.register_profile("bessemer", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("bessemer")
