# Fanout
# SPDX-License-Identifier: Apache-2.0
"""What the client can do, in one screen: python examples/tour.py MODEL [SOCKET]."""

import asyncio
import sys

import fanout


def user(text):
    return [{"role": "user", "content": text}]


async def main(model, socket_path=None):
    async with fanout.AsyncClient(socket_path) as client:
        answer = await client.acompletion(model, user("What is the capital of France?"), max_tokens=12)
        print("one:", answer.choices[0].message.content.strip())

        print("streamed:", end="")
        async for chunk in await client.acompletion(model, user("Name three colours."), max_tokens=16, stream=True):
            print(chunk.choices[0].delta.content or "", end="", flush=True)
        print()

        requests = [fanout.RouterParallelRequest(model, user(f"What is {n} plus {n}?"), max_tokens=8) for n in range(5)]
        requests.append(fanout.RouterParallelRequest("no-such-model", user("Hello")))
        async for result in client.iter_parallel_acompletions(requests, concurrency=4):
            text = result.exception or result.response.choices[0].message.content.strip()
            print(f"item {result.index}: {text!r}")

        batch = client.batch(({"model": model, "messages": user(f"Count to {n}."), "max_tokens": 8} for n in range(8)),
                             ordering="input", max_concurrency=4)
        async for event in batch:
            if isinstance(event, fanout.Result):
                print("in order:", event.index, event.trail.deployment, event.trail.attempts)
        print("succeeded:", batch.summary.succeeded, "tokens:", batch.summary.usage.total_tokens)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
