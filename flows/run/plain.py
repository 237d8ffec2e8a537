"""Values of any kind as plain JSON data, for answers and for the run book."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from datetime import date, datetime
from datetime import time as clock
from decimal import Decimal
from typing import Any


def plain(value: Any) -> Any:
    """A value as JSON data: dates in ISO 8601, exact decimals as text where a float would change them, bytes in base64."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if isinstance(value, (datetime, date, clock)):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() and Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    return value if value is None or isinstance(value, (str, int)) else str(value)
