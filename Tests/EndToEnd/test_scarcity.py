# Fanout
# SPDX-License-Identifier: Apache-2.0
"""Scarce quotas and outages over real sockets: less than a minute in which all of it happens at once, each on a lane of
its own of a strict provider. The same bounds are held over many seeds and longer times in the simulation."""

import asyncio
import math
import random
import time

import pytest

import fanout
from conftest import call, user
from strict_daemon import Group, Stage
from strict_provider import Bucket, Fault, StrictProvider

SECONDS = 45
# What is measured of the quotas: the last part, when nothing is learned for the first time any more.
FROM, UNTIL = 20, 43
OUTAGE = (8, 28)
PACES = {"calm": 1, "busy": 10, "rushed": 100}
WIDTH = 8
# How many calls the crowded lane takes at once, and when that halves.
PLACES, HALVED = 40, 24

GROUPS = [
    Group("counted", rpm=1_800), Group("weighed", tpm=600_000), Group("told"), Group("hidden"), Group("crowded"),
    *(Group(name, max_parallel_requests=WIDTH) for name in PACES),
]


def lognormal(mean, sigma):
    """Lengths of answers, the same in each run."""
    luck = random.Random(1)
    return lambda _: max(1, round(luck.lognormvariate(math.log(mean) - sigma * sigma / 2, sigma)))


def set_up(provider):
    provider.lane("counted-a", latency=0.05, requests=Bucket(1_800, burst_seconds=3), retry_after="seconds")
    provider.lane("weighed-a", latency=0.05, per_token=0.001, tokens=lognormal(300, 0.8),
                  token_bucket=Bucket(600_000, burst_seconds=3), retry_after="seconds")
    # A whole minute's worth at once, as OpenAI allows; it is spent in the first seconds.
    provider.lane("told-a", latency=0.05, requests=Bucket(1_200, burst_seconds=60), headers=True, retry_after="seconds")
    # Nobody has said what these two take, and they don't say it either.
    provider.lane("hidden-a", latency=0.05, requests=Bucket(3_000, burst_seconds=3))
    provider.lane("crowded-a", latency=0.2, per_token=0.001, tokens=lognormal(300, 0.8), concurrency=PLACES)
    for name in PACES:
        provider.lane(f"{name}-a", latency=0.05)


class Scene:
    """What happened."""

    def __init__(self, stage, provider):
        self.stage, self.provider, self.ends, self.outage = stage, provider, {}, None

    async def play(self):
        self.start = time.monotonic()
        loads = [self.backlog(name) for name in ("counted", "weighed", "told", "hidden", "crowded")]
        loads += [self.paced(name, pace) for name, pace in PACES.items()]
        await asyncio.gather(*loads, self.fail(), self.halve())

    async def at(self, second):
        await asyncio.sleep(max(0, self.start + second - time.monotonic()))

    async def backlog(self, name):
        """More than can be done, at once."""
        async with fanout.AsyncClient(self.stage.daemon.path) as client:
            calls = [call(name, f"{name} {number:05}. " + "words " * 20, deadline=600) for number in range(8_000)]
            batch = client.batch(calls, trail="none")

            async def consume():
                async for _ in batch:
                    pass

            consumer = asyncio.create_task(consume())
            await self.at(SECONDS)
            batch.cancel()
            await consumer

    async def paced(self, name, pace):
        """Single items, as they come; what became of each by its number."""
        ends = self.ends[name] = {}

        async def one(number):
            try:
                await client.acompletion(name, user(f"{name} {number:05}."), deadline=600)
                ends[number] = None
            except fanout.FanoutError as error:
                ends[number] = error

        async with fanout.AsyncClient(self.stage.daemon.path) as client:
            items = []
            for number in range((SECONDS - 10) * pace):
                await self.at(number / pace)
                items.append(asyncio.create_task(one(number)))
            await asyncio.gather(*items)

    async def fail(self):
        """A total outage of the paced lanes."""
        await self.at(OUTAGE[0])
        for name in PACES:
            self.provider.lanes[f"{name}-a"].faults = [Fault("status", status=500, delay=0.02)]
        begin = time.monotonic()
        await self.at(OUTAGE[1])
        for name in PACES:
            self.provider.lanes[f"{name}-a"].faults = None
        self.outage = (begin, time.monotonic())

    async def halve(self):
        """The crowded lane takes half as many from here on."""
        await self.at(HALVED)
        self.provider.lanes["crowded-a"].concurrency = PLACES // 2

    def calls(self, lane, begin, end):
        return self.provider.lanes[lane].between(self.start + begin, self.start + end)


@pytest.fixture(scope="module")
def scene(directory):
    provider = StrictProvider()
    set_up(provider)
    stage = Stage(provider, directory, GROUPS, "scarcity")
    scene = Scene(stage, provider)
    try:
        asyncio.run(asyncio.wait_for(scene.play(), SECONDS + 30))
        yield scene
    finally:
        stage.close()
        provider.stop()


def share(calls, status):
    return sum(made.status == status for made in calls) / max(1, len(calls))


def report(name, used, refused, count):
    print(f"{name}: {used:.1%} of the quota used, {refused:.2%} of {count} calls refused")


def test_a_known_limit_of_requests_is_used_and_kept(scene):
    calls = scene.calls("counted-a", FROM, UNTIL)
    used = sum(made.status == 200 for made in calls) / (30 * (UNTIL - FROM))
    report("requests known", used, share(calls, 429), len(calls))
    assert used >= 0.97 and share(calls, 429) <= 0.005


def test_a_known_limit_of_tokens_is_used_and_kept(scene):
    calls = scene.calls("weighed-a", FROM, UNTIL)
    done = [made for made in scene.provider.lanes["weighed-a"].calls
            if made.status == 200 and scene.start + FROM <= made.ended < scene.start + UNTIL]
    used = sum(made.prompt_tokens + made.completion_tokens for made in done) / (10_000 * (UNTIL - FROM))
    report("tokens known", used, share(calls, 429), len(calls))
    assert used >= 0.97 and share(calls, 429) <= 0.005


def test_a_limit_that_only_headers_tell_is_used_and_kept(scene):
    calls = scene.calls("told-a", FROM, UNTIL)
    used = sum(made.status == 200 for made in calls) / (20 * (UNTIL - FROM))
    report("headers only", used, share(calls, 429), len(calls))
    assert used >= 0.95 and share(calls, 429) <= 0.01


def test_a_limit_of_requests_that_nobody_tells_is_found_and_kept(scene):
    calls = scene.calls("hidden-a", FROM, UNTIL)
    used = sum(made.status == 200 for made in calls) / (50 * (UNTIL - FROM))
    report("requests hidden", used, share(calls, 429), len(calls))
    assert used >= 0.85 and share(calls, 429) <= 0.02


def in_places(scene, begin, end):
    """The mean number of the crowded lane's places in use, looked at every 50 ms."""
    taken = [made for made in scene.provider.lanes["crowded-a"].calls if made.status == 200]
    times = [scene.start + begin + number * 0.05 for number in range(round((end - begin) * 20))]
    return sum(sum(made.at <= time < made.ended for made in taken) for time in times) / len(times)


def test_a_limit_of_calls_at_once_that_nobody_tells_is_found_and_followed_when_it_halves(scene):
    before, after = in_places(scene, 10, HALVED), in_places(scene, HALVED + 5, UNTIL)
    early, late = scene.calls("crowded-a", 10, HALVED), scene.calls("crowded-a", HALVED + 5, UNTIL)
    print(f"places hidden: {before:.1f} of {PLACES} used, {after:.1f} of {PLACES // 2} once it had halved; "
          f"{share(early, 503):.2%} of {len(early)} and {share(late, 503):.2%} of {len(late)} calls refused")
    # The bars of virtual time are 90 % and 1 %. Here a place stays empty while an answer travels and the next request
    # comes, which counts beside answers of half a second; and there are seconds to learn what had minutes.
    assert before >= 0.85 * PLACES and after >= 0.85 * PLACES / 2
    assert share(early + late, 503) <= 0.015


def most_in_flight(calls):
    """The most of these at one time."""
    edges = sorted([(made.at, 1) for made in calls] + [(made.ended, -1) for made in calls])
    level = most = 0
    for _, step in edges:
        level += step
        most = max(most, level)
    return most


@pytest.mark.parametrize("name", PACES)
def test_an_outage_costs_few_calls_and_is_over_when_it_is_over(scene, name):
    lane, (begin, end) = scene.provider.lanes[f"{name}-a"], scene.outage
    failed = sorted((made for made in lane.calls if made.status == 500), key=lambda made: made.ended)
    # Five in a row trip, once the successes that are under way are in, and what is in flight then still comes. After
    # that there is one probe for each open period, of a second or shorter by a tenth at most.
    tripped = failed[4].ended + 0.25
    first, probes = [[made for made in failed if (made.at <= tripped) == isFirst] for isFirst in (True, False)]
    successes = [made.at for made in lane.calls if made.status == 200 and made.at >= end]
    recovery = min(successes) - end
    print(f"{name}: {len(first)} calls until the trip, {len(probes)} probes in {end - begin:.0f} s, "
          f"success {recovery:.2f} s after it")
    assert len(first) <= 5 + 2 * WIDTH
    assert len(probes) <= math.ceil((end - begin) / 0.9) and most_in_flight(probes) <= 1
    assert recovery <= max(1.0, 0.05 * (end - begin)) + 0.3


@pytest.mark.parametrize("name", PACES)
def test_what_waits_out_an_outage_is_served_after_it(scene, name):
    ends = scene.ends[name]
    assert len(ends) == (SECONDS - 10) * PACES[name], "each item has its end"
    failed = [error for error in ends.values() if error is not None]
    assert all(error.code == "PROVIDER_ERROR" and error.trail.attempts == 3 for error in failed), failed
    # Each that failed has spent its three attempts on calls in the outage.
    spent = sum(made.status == 500 for made in scene.provider.lanes[f"{name}-a"].calls)
    assert 3 * len(failed) <= spent
