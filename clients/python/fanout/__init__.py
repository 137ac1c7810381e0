# Fanout
# SPDX-License-Identifier: Apache-2.0
"""Client of Fanout, the sidecar daemon that runs batches of LLM calls over a Unix socket."""

from .batch import Batch, Result
from .client import AsyncClient, ParallelAcompletionResult, RouterParallelRequest, RouterParallelResult
from .errors import *  # noqa: F403
from .errors import FanoutError
from .sync import Client
from .v1.batch_pb2 import Progress, Summary
from .v1.response_pb2 import Delta
