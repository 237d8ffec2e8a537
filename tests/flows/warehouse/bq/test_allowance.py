"""What a run may be billed in all: taken by dry run, settled by bill, kept by sessions side by side."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flows.errors import LimitError, SqlError
from flows.warehouse.base import Spent, SqlPlan
from flows.warehouse.bq.allowance import Allowance
from flows.warehouse.bq.jobs import Jobs

from .conftest import fault, refusal


def billed(count: int) -> Callable[[str, str, dict[str, Any]], Any]:
    """Answers the submit of a real job as done, with a bill."""
    def answer(method: str, path: str, body: dict[str, Any]) -> tuple[int, Any] | None:
        if method != "POST" or not path.endswith("/jobs") or body["configuration"].get("dryRun"):
            return None
        return 200, {**body, "status": {"state": "DONE"}, "statistics": {"query": {"totalBytesBilled": str(count)}}}

    return answer


def run(jobs: Jobs, count: int) -> None:
    jobs.afford(SqlPlan(bytes=count))
    jobs.query("SELECT 1", fresh=True)


def test_steps_side_by_side_never_take_more_than_there_is():
    allowance = Allowance(1000)

    def one(_: int) -> bool:
        try:
            allowance.take(10)
        except LimitError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(400))) == 100
    assert allowance.left == 0


def test_a_run_is_stopped_before_the_statement_that_would_break_its_budget(google: Any, open_jobs: Callable[..., Jobs]) -> None:
    google.answers.append(billed(600))
    jobs = open_jobs(allowance=Allowance(1000))
    run(jobs, 500)
    with pytest.raises(LimitError, match=r"would read 500 bytes, 400 of the run's 1,000 are left") as told:
        run(jobs, 500)
    assert "budget.bytes_per_run" in told.value.fix
    assert len(google.sent(dry=False)) == 1
    assert jobs.spent == Spent(600, 500, tuple(google.ids()))


def test_sessions_of_one_run_share_it_and_each_statement_is_capped_by_what_is_left(google: Any, open_jobs: Callable[..., Jobs]) -> None:
    google.answers.append(billed(300))
    allowance = Allowance(1000)
    one, two = open_jobs(allowance=allowance), open_jobs(allowance=allowance)
    run(one, 200)
    run(two, 200)
    assert [sent["query"]["maximumBytesBilled"] for sent in google.sent(dry=False)] == ["1000", "700"]
    assert allowance.left == 400


def test_a_statement_that_fails_gives_back_what_it_took(google: Any, open_jobs: Callable[..., Jobs]) -> None:
    wrong = (400, fault(400, refusal("invalidQuery", "Syntax error")))
    google.answers.append(lambda method, path, body: wrong if path.endswith("/jobs") else None)
    jobs = open_jobs(allowance=Allowance(1000))
    with pytest.raises(SqlError):
        run(jobs, 500)
    assert jobs.allowance is not None
    assert jobs.allowance.left == 1000
    assert jobs.spent.bytes == 0


def test_what_was_afforded_and_never_run_comes_back(open_jobs: Callable[..., Jobs]) -> None:
    jobs = open_jobs(allowance=Allowance(1000))
    jobs.afford(SqlPlan(bytes=600))
    jobs.afford(SqlPlan(bytes=600))
    assert jobs.allowance is not None
    assert jobs.allowance.left == 400
