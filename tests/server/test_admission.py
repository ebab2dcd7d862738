"""How many requests may run or wait, and that one client cannot take all the places."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from causerie.server.http.admission import Admission
from causerie.server.http.failure_responses import Refusal


def test_a_client_without_a_request_finds_a_place_where_another_has_taken_all() -> None:
    admission = Admission(8)
    with ExitStack() as places:
        for _ in range(8):
            places.enter_context(admission.enter("many"))
        with pytest.raises(Refusal) as caught:
            places.enter_context(admission.enter("many"))
        assert (caught.value.status, caught.value.type, caught.value.retry_after) == (429, "rate_limit_error", 1)
        for client in ("one", "two"):
            places.enter_context(admission.enter(client))
        for client in ("one", "three"):  # a second one, and one too many
            with pytest.raises(Refusal, match="full"):
                places.enter_context(admission.enter(client))
    with ExitStack() as places:
        for _ in range(8):
            places.enter_context(admission.enter("many"))


@pytest.mark.parametrize(("most", "more"), [(1, 1), (4, 1), (8, 2), (11, 2), (64, 16)])
def test_as_many_jobs_as_there_are_places_and_a_share_for_who_has_none(most: int, more: int) -> None:
    admission = Admission(most)
    for _ in range(2):  # places are given back
        with admission.enter("many", most):
            with pytest.raises(Refusal, match="full"), admission.enter("many"):
                pass
            with pytest.raises(Refusal), admission.enter("other", more + 1):
                pass
            with admission.enter("other", more):
                pass


def test_what_can_never_fit_is_not_told_to_try_again() -> None:
    with pytest.raises(Refusal) as caught, Admission(8).enter("one", 64):
        pass
    assert (caught.value.status, caught.value.param, caught.value.retry_after) == (400, "prompt", None)
    assert "8" in caught.value.message
