import asyncio


async def worker(name, queue, results):
    while True:
        item = await queue.get()
        try:
            await asyncio.sleep(item / 1000)
            results.append((name, item * item))
        finally:
            queue.task_done()


async def run(items, workers):
    queue, results = asyncio.Queue(maxsize=2), []
    tasks = [asyncio.create_task(worker(n, queue, results)) for n in range(workers)]
    for item in items:
        await queue.put(item)
    await queue.join()
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    if not all(isinstance(end, asyncio.CancelledError) for end in ended):
        raise AssertionError(ended)
    return results


def async_pipeline(items: list[int], workers: int) -> list[int]:
    """Squares of items, computed by some workers that share a bounded queue, in the order of items."""
    squares = [square for _, square in asyncio.run(run(items, workers))]
    return sorted(squares, key=lambda square: items.index(round(square**0.5)))


def check(candidate):
    assert candidate([3, 1, 2, 5, 4], 2) == [9, 1, 4, 25, 16]
    assert candidate([], 1) == []

    async def late():
        try:
            await asyncio.wait_for(asyncio.sleep(3600, "never"), timeout=0.01)
        except asyncio.TimeoutError:
            return "timeout"

    assert asyncio.run(late()) == "timeout"

    async def count(upto):
        for n in range(upto):
            yield n
            await asyncio.sleep(0)

    async def collect():
        return [n async for n in count(4) if n % 2]

    assert asyncio.run(collect()) == [1, 3]
