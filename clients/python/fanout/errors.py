# Fanout
# SPDX-License-Identifier: Apache-2.0
"""Failures as exceptions, under the names that LiteLLM gives them."""

from __future__ import annotations

from .v1 import failure_pb2


class FanoutError(Exception):
    """Why an item, a batch or the connection failed.

    `code` is the name in Fanout's closed list (`RATE_LIMITED`), `status_code` the HTTP status that means the same,
    `retry_after` seconds or None, `not_started` whether sending it again can't cost twice. `causes` has one exception
    for each leg or group that failed before; `trail` says what was tried; `failure` is the message as it came.
    """

    def __init__(self, message, code="INTERNAL", status_code=500, retry_after=None, not_started=False, failure=None):
        super().__init__(f"{code}: {message}")
        self.message, self.code, self.status_code = message, code, status_code
        self.retry_after, self.not_started, self.failure = retry_after, not_started, failure
        self.causes, self.trail = [], None


class APIError(FanoutError): pass
class BadRequestError(APIError): pass
class UnsupportedParamsError(BadRequestError): pass
class ContextWindowExceededError(BadRequestError): pass
class ContentPolicyViolationError(BadRequestError): pass
class AuthenticationError(APIError): pass
class PermissionDeniedError(APIError): pass
class NotFoundError(APIError): pass
class RateLimitError(APIError): pass
class InternalServerError(APIError): pass
class ServiceUnavailableError(APIError): pass
class APIConnectionError(APIError): pass
class Timeout(APIError): pass


_TABLE = {
    "INVALID_REQUEST": (BadRequestError, 400),
    "UNSUPPORTED_PARAMETER": (UnsupportedParamsError, 400),
    "TOO_LARGE": (BadRequestError, 413),
    "CONTEXT_WINDOW": (ContextWindowExceededError, 400),
    "CONTENT_POLICY": (ContentPolicyViolationError, 400),
    "NO_ROUTE": (NotFoundError, 404),
    "AUTHENTICATION": (AuthenticationError, 401),
    "PERMISSION": (PermissionDeniedError, 403),
    "NOT_FOUND": (NotFoundError, 404),
    "QUOTA_EXHAUSTED": (RateLimitError, 402),
    "RATE_LIMITED": (RateLimitError, 429),
    "OVERLOADED": (ServiceUnavailableError, 503),
    "ADMISSION_REFUSED": (RateLimitError, 429),
    "BUDGET_EXCEEDED": (RateLimitError, 402),
    "DEADLINE_EXCEEDED": (Timeout, 408),
    "PROVIDER_ERROR": (InternalServerError, 500),
    "UNREACHABLE": (APIConnectionError, 502),
    "TIMEOUT": (Timeout, 408),
    "STREAM_BROKEN": (APIConnectionError, 502),
    "INVALID_RESPONSE": (APIError, 502),
    "SCHEMA_MISMATCH": (APIError, 422),
    "CANCELLED": (APIError, 499),
    "NOT_STARTED": (ServiceUnavailableError, 503),
    "INTERNAL": (InternalServerError, 500),
}
# A code newer than this client: its hundred still says whose fault it is.
_HUNDREDS = {
    1: (BadRequestError, 400),
    2: (AuthenticationError, 401),
    3: (RateLimitError, 429),
    5: (APIError, 499),
    6: (InternalServerError, 500),
    7: (APIConnectionError, 400),
}


def error_from(message, trail=None):
    """The exception for a Failure, Rejected, Error or Cause message."""
    try:
        code = failure_pb2.FailureCode.Name(message.code)[len("FAILURE_CODE_"):]
    except ValueError:
        code = str(message.code)
    kind, status = _TABLE.get(code) or _HUNDREDS.get(message.code // 100, (APIError, 500))
    wait = getattr(message, "retry_after_ms", 0)
    # An unstarted item says so by its code; a Rejected and a Failure also by their field.
    fresh = getattr(message, "not_started", False) or code == "NOT_STARTED"
    error = kind(message.message, code, status, wait / 1000 if wait else None, fresh, message)
    error.causes = [error_from(cause) for cause in getattr(message, "causes", ())]
    error.trail = trail
    return error
