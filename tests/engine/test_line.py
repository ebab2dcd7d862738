"""Whose turn it is: clients take turns, and a short request does not wait for all the long ones."""

from __future__ import annotations

from collections import Counter

from causerie.decoding.params import SamplingParams
from causerie.engine.line import WaitingLine
from causerie.engine.request import Request
from causerie.engine.sequence import Sequence


def _sequence(number: int, client: str = "", length: int = 10) -> Sequence:
    return Sequence(Request(number, (1,) * length, SamplingParams(client=client)), 0.0, 10_000)


def _admitted(line: WaitingLine, running: Counter[str] | None = None) -> list[int]:
    """The numbers of all that wait, as their turns come, where none of them ends meanwhile."""
    running = running or Counter()
    order = []
    while (sequence := line.turn(running, set())) is not None:
        line.admit(sequence)
        running[sequence.client] += 1
        order.append(sequence.request.id)
    return order


def _line(*sequences: Sequence) -> WaitingLine:
    line = WaitingLine()
    for sequence in sequences:
        line.add(sequence)
    return line


def test_one_client_is_served_in_order() -> None:
    assert _admitted(_line(*(_sequence(number) for number in (2, 0, 1, 3)))) == [0, 1, 2, 3]


def test_a_lone_request_is_next_whatever_another_client_has_waiting() -> None:
    line = _line(*(_sequence(number, "many") for number in range(200)), _sequence(200, "lone"))
    assert 200 in _admitted(line)[:2]
    line = _line(*(_sequence(number, "many") for number in range(200)), _sequence(200, "lone"))
    assert _admitted(line, Counter(many=50))[0] == 200


def test_clients_with_as_many_running_take_turns() -> None:
    line = _line(*(_sequence(number, "ab"[number // 3]) for number in range(6)))
    assert _admitted(line) == [0, 3, 1, 4, 2, 5]


def test_who_was_never_served_comes_before_who_was() -> None:
    """Also where nobody's request runs any more."""
    first, second, other = _sequence(0, "served"), _sequence(1, "served"), _sequence(2, "new")
    line = _line(first, second, other)
    line.admit(first)
    assert line.turn({}, set()) is other


def test_who_has_nothing_waiting_is_not_remembered() -> None:
    """What comes from it later is a request of a client that was never served; so what is remembered does not grow."""
    line = _line(_sequence(0, "left"))
    line.admit(next(iter(line)))
    assert not line._served
    later, other = _sequence(1, "left"), _sequence(2, "other")
    line.add(later)
    line.add(other)
    assert line.turn({}, set()) is later


def test_a_request_of_half_the_length_is_a_short_one() -> None:
    for length, passes in ((5, True), (6, False)):
        line = _line(_sequence(0, length=10), _sequence(1, length=10), _sequence(2, length=length))
        line.admit(next(iter(line)))
        turn = line.turn({}, set())
        assert turn is not None and (turn.request.id == 2) == passes


def test_a_short_request_passes_those_of_its_own_client_alone() -> None:
    line = _line(_sequence(0, "a"), _sequence(1, "a"), _sequence(2, "b", 1))
    line.admit(next(iter(line)))
    turn = line.turn({"b": 1}, set())
    assert turn is not None and turn.request.id == 1
    shortest = line.shortest(set())
    assert shortest is not None and shortest.request.id == 2
    assert line.shortest({shortest}) is turn


def test_a_short_request_passes_long_ones_every_other_turn() -> None:
    line = _line(*(_sequence(number, length=1000) for number in range(6)), *(_sequence(number) for number in (6, 7)))
    order = _admitted(line)
    assert order[:4] == [0, 6, 1, 7]
    assert order[4:] == [2, 3, 4, 5]


def test_requests_of_about_one_length_keep_their_order() -> None:
    line = _line(*(_sequence(number, length=100 - number) for number in range(20)))
    assert _admitted(line) == list(range(20))


def test_those_left_aside_are_passed_over() -> None:
    first, second = _sequence(0), _sequence(1)
    line = _line(first, second)
    assert line.turn({}, {first}) is second
    assert line.turn({}, {first, second}) is None
    line.remove(first)
    assert list(line) == [second]
    assert len(line) == 1
