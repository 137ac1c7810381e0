# Fanout
# SPDX-License-Identifier: Apache-2.0
"""A daemon in front of a strict provider, and what tests ask of the two."""

import fanout
from conftest import Daemon, call


class Group:
    """A model group of so many lanes NAME-a, NAME-b, …, in this order unless told otherwise."""

    def __init__(self, name, lanes=1, ordered=True, **parameters):
        self.name, self.ordered, self.parameters = name, ordered, parameters
        self.lanes = [f"{name}-{'abcdefgh'[number]}" for number in range(lanes)]


def configuration(provider, groups, router=(), service=()):
    lines = ["model_list:"]
    for group in groups:
        for order, lane in enumerate(group.lanes, start=1):
            # A key each: a refused key shuts every deployment that has it at the same host.
            parameters = {"api_base": provider.url(lane), "api_key": f"key-of-{lane}", **group.parameters}
            if group.ordered and len(group.lanes) > 1:
                parameters["order"] = order
            lines += [f"  - model_name: {group.name}", "    litellm_params:", f"      model: openai/{lane}"]
            lines += [f"      {key}: {value}" for key, value in parameters.items()]
    lines += ["router_settings:", "  num_retries: 2"] + [f"  {line}" for line in router]
    lines += ["fanout:"] + [f"  {line}" for line in service]
    return "\n".join(lines + [""])


class Stage:
    """The daemon, a client and the provider together."""

    def __init__(self, provider, directory, groups, name, **settings):
        self.provider = provider
        self.daemon = Daemon(directory, configuration(provider, groups, **settings), name)
        self.client = fanout.Client(self.daemon.path)

    def close(self):
        self.client.close()
        status = self.daemon.stop()
        assert status == 0, f"fanoutd ended with {status}:\n{self.daemon.log.read_text()[-4000:]}"

    def run(self, calls, **options):
        """The results by index, and all events; each result's trail is held against the provider's ledger."""
        events = list(self.client.batch(calls, trail="full", **options))
        results = {event.index: event for event in events if isinstance(event, fanout.Result)}
        assert sorted(results) == list(range(len(calls))), "each item has its result"
        for index, result in results.items():
            self.hold_against_ledger(calls[index]["messages"][-1]["content"], result)
        return results, events

    def ask(self, group, text, stream=False, on_stream_break="restart", **parameters):
        """One result, and its deltas."""
        results, events = self.run([call(group, text, **parameters)], stream=stream, on_stream_break=on_stream_break)
        return results[0], [event for event in events if hasattr(event, "sequence")]

    def hold_against_ledger(self, text, result):
        """What a trail says is what the provider saw: as many calls, of the same lanes, with the same statuses."""
        seen = self.provider.calls(text)
        told = [attempt for attempt in result.trail.details]
        sent = [attempt for attempt in told if attempt.code != 401]  # UNREACHABLE may be before any request.
        assert result.trail.attempts == len(told), (result.trail, told)
        # A request whose idle connection is lost under it is sent once more, and the attempt says so.
        assert len(sent) <= len(seen) <= len(told) + result.trail.possibly_billed, (seen, told)
        if len(seen) == len(told):
            for attempt, made in zip(told, seen):
                assert made.lane in attempt.deployment, (attempt, made)
                if made.status >= 400:
                    assert attempt.provider_status == made.status, (attempt, made)
        if result.exception is None:
            served = [made for made in seen if made.status == 200 and not made.broken_off][-1]
            assert served.lane in result.trail.deployment, (result.trail, served)


def words(result):
    return result.response.choices[0].message.content


def codes(result):
    """The attempts' failure codes in order; 0 = success."""
    return [attempt.code for attempt in result.trail.details]
