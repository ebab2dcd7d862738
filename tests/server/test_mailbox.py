"""Letters from other threads: all arrive in order, and a loop that is left alone wakes for the urgent ones only."""

from __future__ import annotations

import asyncio
import threading

from causerie.server.processes.engine.mailbox import Mailbox


def test_letters_of_many_threads_arrive_each_in_its_order() -> None:
    async def main() -> list[tuple[int, int]]:
        letters: list[tuple[int, int]] = []
        pause = iter(lambda: len(letters) % 3 / 1000, None)
        loop = asyncio.get_running_loop()
        mail = Mailbox(loop, letters.append, lambda letter: letter[1] % 7 == 0, lambda: next(pause))

        def write(thread: int) -> None:
            for number in range(1, 2000):
                mail.put((thread, number))

        threads = [threading.Thread(target=write, args=(each,)) for each in range(4)]
        for each in threads:
            each.start()
        for _ in range(1000):
            if len(letters) == 4 * 1999:
                break
            await asyncio.sleep(0.01)
        return letters

    letters = asyncio.run(main())
    for thread in range(4):
        assert [number for other, number in letters if other == thread] == list(range(1, 2000))


def test_a_loop_that_is_left_alone_reads_together_and_urgent_letters_at_once() -> None:
    async def main() -> None:
        turns: list[list[str]] = []
        loop = asyncio.get_running_loop()

        def read(letter: str) -> None:
            turns[-1].append(letter)

        async def turn(*letters: str, seconds: float = 0.0) -> list[str]:
            turns.append([])
            for letter in letters:
                mail.put(letter)
            await asyncio.sleep(seconds)
            await asyncio.sleep(0)
            return turns[-1]

        mail = Mailbox(loop, read, str.isupper, lambda: 0.2)
        assert await turn("a") == ["a"]  # nothing was read before
        assert await turn("b", "c") == []
        assert await turn("D", "e") == ["b", "c", "D", "e"]
        assert await turn("f") == []
        assert await turn(seconds=0.4) == ["f"]  # the pause ends by itself; another begins
        assert await turn(seconds=0.4) == []
        assert await turn("g") == ["g"]

    asyncio.run(main())


def test_without_a_pause_every_letter_is_read_in_the_next_turn() -> None:
    async def main() -> None:
        letters: list[int] = []
        mail = Mailbox(asyncio.get_running_loop(), letters.append)
        for number in range(3):
            mail.put(number)
            await asyncio.sleep(0)
            assert letters == list(range(number + 1))

    asyncio.run(main())
