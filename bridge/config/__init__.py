"""The configuration: one frozen tree from a TOML file and flags, checked once.

Nobody else reads files or the environment for settings. Every complaint names the key.
"""

from bridge.config.checks import ConfigError
from bridge.config.dynamo import Dynamo
from bridge.config.limits import Limits
from bridge.config.loading import load
from bridge.config.model import Adapter, ModelConfig, Task, Template, builtin
from bridge.config.nats import Nats, is_nats
from bridge.config.settings import Config
from bridge.config.tls import Tls, TritonTls, UpstreamTls
from bridge.config.upstreams import Balancing, Upstream

__all__ = [
    "Adapter",
    "Balancing",
    "Config",
    "ConfigError",
    "Dynamo",
    "Limits",
    "ModelConfig",
    "Nats",
    "Task",
    "Template",
    "Tls",
    "TritonTls",
    "Upstream",
    "UpstreamTls",
    "builtin",
    "is_nats",
    "load",
]
