# Fanout
# SPDX-License-Identifier: Apache-2.0
"""The same client for code without an event loop. Threads may share one."""

from __future__ import annotations

import asyncio
import threading

from .client import AsyncClient


class Client:
    """Runs an AsyncClient on a thread of its own."""

    def __init__(self, socket_path=None, **options):
        self._loop = asyncio.new_event_loop()
        # Ends in close(); a daemon thread, so that a forgotten client doesn't keep the program alive.
        self._thread = threading.Thread(target=self._loop.run_forever, name="fanout", daemon=True)
        self._thread.start()

        async def make():
            return AsyncClient(socket_path, **options)

        self._client = self._run(make())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._loop.is_running():
            self._run(self._client.aclose())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _run(self, coroutine):
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _iterate(self, events):
        iterator = events.__aiter__()

        async def step():
            async for event in iterator:
                return (event,)
            return None

        try:
            while (event := self._run(step())) is not None:
                yield event[0]
        finally:
            self._run(iterator.aclose())

    def batch(self, items, **options):
        """As AsyncClient.batch; gives a plain iterator. The items may come from a generator, which then runs on the
        client's thread."""
        return self._iterate(self._client.batch(items, **options))

    def completion(self, model, messages, *, stream=False, **kwargs):
        answer = self._run(self._client.acompletion(model, messages, stream=stream, **kwargs))
        return self._iterate(answer) if stream else answer

    def text_completion(self, model, prompt, **kwargs):
        return self._run(self._client.atext_completion(model, prompt, **kwargs))

    def embedding(self, model, input, **kwargs):
        return self._run(self._client.aembedding(model, input, **kwargs))

    def parallel_completions(self, *args, **kwargs):
        return self._run(self._client.parallel_acompletions(*args, **kwargs))

    def iter_parallel_completions(self, *args, **kwargs):
        return self._iterate(self._client.iter_parallel_acompletions(*args, **kwargs))

    def parallel_completion_fastest(self, *args, **kwargs):
        return self._run(self._client.parallel_acompletion_fastest(*args, **kwargs))

    def status(self, lanes=False):
        return self._run(self._client.status(lanes))

    def ping(self, data=b""):
        return self._run(self._client.ping(data))
