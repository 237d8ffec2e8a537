"""Google's errors in the words of this house, judged by their class and their reason, never by their text."""

from __future__ import annotations

import re

from flows.errors import (
    Cancelled,
    DataError,
    LimitError,
    MissingError,
    PenstockError,
    SqlError,
    TransientError,
    UnreachableError,
)

TRANSIENT = frozenset({"rateLimitExceeded", "backendError", "internalError", "badGateway", "jobBackendError", "jobInternalError",
                       "jobRateLimitExceeded", "tableUnavailable", "resourceInUse"})
"""Reasons that are worth another try; source: BigQuery, "Error messages"."""
PLACE = re.compile(r"\[(\d+):(\d+)\]")
LOST_RACE = re.compile(r"\bdue to concurrent update\b")
"""The one error that only its text tells: BigQuery gives a lost race the reason of a wrong statement, invalidQuery."""
PERMISSION = re.compile(r"\bbigquery\.[a-zA-Z]+\.[a-zA-Z]+")
LOGIN = "Run `gcloud auth application-default login`, or name a GcpCredentials block as `credentials` of the environment"


class LostRace(TransientError):
    """Somebody else changed the same table at the same time, and BigQuery stopped this statement; nothing of it has happened."""

    code = "lost_race"


def reason_of(error: BaseException) -> str:
    """The reason that BigQuery gives; '' where it gives none."""
    errors = getattr(error, "errors", None)
    first = errors[0] if isinstance(errors, (list, tuple)) and errors else None
    return str(first.get("reason", "")) if isinstance(first, dict) else ""


def translate(error: BaseException, *, what: str = "", bytes_cap: int = 0) -> PenstockError:
    """The house's error for one of google's or the network's. `what` says what was asked for (a table's name), `bytes_cap` how much
    the statement might bill."""
    from google.api_core import exceptions as api
    from google.auth import exceptions as auth

    if isinstance(error, PenstockError):
        return error
    if isinstance(error, api.RetryError) and error.cause is not None:
        return translate(error.cause, what=what, bytes_cap=bytes_cap)
    if isinstance(error, auth.DefaultCredentialsError):
        return UnreachableError("there are no credentials for BigQuery", fix=LOGIN)
    if isinstance(error, auth.TransportError):
        return UnreachableError("Google does not answer", fix="Look at the network")
    if isinstance(error, auth.GoogleAuthError):
        return UnreachableError("Google does not accept these credentials", fix=LOGIN)
    if isinstance(error, api.GoogleAPICallError):
        return _answered(error, reason_of(error), what, bytes_cap)
    return UnreachableError(f"BigQuery does not answer ({type(error).__name__})", fix="Look at the network, and at `endpoint` if it is set")


def _answered(error: BaseException, reason: str, what: str, cap: int) -> PenstockError:
    from google.api_core import exceptions as api

    text = words(error)
    if reason == "stopped":
        return Cancelled("the job was stopped on BigQuery")
    if reason in TRANSIENT or (isinstance(error, (api.TooManyRequests, api.ServerError)) and reason not in ("notImplemented", "timeout")):
        return TransientError(f"BigQuery is busy ({reason or type(error).__name__}): {text}")
    if reason == "bytesBilledLimitExceeded":
        return LimitError(f"the statement would bill more than the {cap:,} bytes that it may: {text}" if cap else text,
                          fix="Filter by the partition column, read fewer columns, or raise the budget")
    if reason in ("quotaExceeded", "responseTooLarge", "resourcesExceeded", "billingTierLimitExceeded"):
        return LimitError(f"a limit of BigQuery is reached ({reason}): {text}", fix="Ask for less, or look at the project's quotas")
    if isinstance(error, api.Unauthorized):
        return UnreachableError("Google does not accept these credentials", fix=LOGIN)
    if isinstance(error, api.Forbidden) or reason in ("accessDenied", "billingNotEnabled", "blocked", "policyViolation"):
        return _denied(text, reason)
    if isinstance(error, api.NotFound) or reason == "notFound":
        return MissingError(text or f"{what} is not there", where=what, fix="Look at its name and at the location of its dataset")
    if LOST_RACE.search(text):
        return LostRace(f"somebody else wrote the table at the same time: {text}")
    if isinstance(error, api.Conflict) or reason == "duplicate":
        return SqlError(text, verdict="failed", code="duplicate", fix="Give it another name, or remove what is there")
    if reason == "invalidQuery" or isinstance(error, api.BadRequest):
        return _invalid(text, reason)
    return SqlError(text, verdict="failed", code=reason or "failed")


def _denied(text: str, reason: str) -> PenstockError:
    """What may not be done, the permission that is missing, and who can give it."""
    found = PERMISSION.search(text)
    if reason == "billingNotEnabled":
        return SqlError(text, verdict="refused", code="not_permitted", fix="Enable billing for the project")
    if found is None:
        return SqlError(f"BigQuery does not permit it: {text}", verdict="refused", code="not_permitted",
                        fix="Give the account the role BigQuery Data Editor on the dataset and BigQuery Job User on the project")
    role = "BigQuery Job User" if ".jobs." in found.group() else "BigQuery Read Session User" if ".readsessions." in found.group() \
        else "BigQuery Data Editor"
    return SqlError(f"the permission {found.group()} is missing: {text}", verdict="refused", code="not_permitted",
                    fix=f"Give the account the role {role}")


def _invalid(text: str, reason: str) -> PenstockError:
    place = PLACE.search(text)
    line, column = (int(place.group(1)), int(place.group(2))) if place else (0, 0)
    said = re.sub(r"\s+at\s*$", "", PLACE.sub("", text).strip()).strip()
    if reason in ("invalid", "outOfRange"):
        return DataError(said, fix="Look at the rows it names")
    return SqlError(said, line=line, column=column)


def words(error: BaseException) -> str:
    """One line of what BigQuery says, without its address and without the statement."""
    errors = getattr(error, "errors", None)
    first = errors[0] if isinstance(errors, (list, tuple)) and errors else None
    text = str(first["message"]) if isinstance(first, dict) and first.get("message") else str(getattr(error, "message", "") or "")
    text = re.sub(r"^(GET|POST|PUT|PATCH|DELETE) https?://\S+ ", "", text.strip())
    return text.split("\n")[0].split("; reason: ")[0].strip().rstrip(".")[:400]
