"""moto's server for the tests of this room."""

from tests.outputs.aws import account, cloud

__all__ = ["account", "cloud"]
