# Fanout
# SPDX-License-Identifier: Apache-2.0
"""The real model, asked in the format of Anthropic's Messages."""

import pytest

import fanout
from conftest import text_of, user


def test_an_answer_has_text_usage_and_a_reason_to_end(client):
    answer = client.completion("messages", user("Say hello."), max_tokens=12, temperature=0)
    assert text_of(answer) and answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.prompt_tokens > 0 and 0 < answer.usage.completion_tokens <= 12


def test_both_formats_give_the_same_text(client):
    texts = {text_of(client.completion(group, user("Name a colour."), max_tokens=16, temperature=0))
             for group in ("gemma", "messages")}
    assert len(texts) == 1


def test_a_stream_gives_the_pieces_of_its_answer(client):
    chunks = list(client.completion("messages", user("Count to three."), stream=True, max_tokens=24, temperature=0))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert len(chunks) > 2 and text == text_of(chunks[-1].response) and chunks[-1].usage.completion_tokens > 0


def test_a_conversation_too_long_says_so(client):
    with pytest.raises(fanout.ContextWindowExceededError) as caught:
        client.completion("messages", user("word " * 6000), max_tokens=4)
    assert caught.value.failure.provider_status == 400


@pytest.mark.parametrize("parameter", [{"seed": 1}, {"n": 2}])
def test_what_the_format_has_no_word_for_is_refused_by_name(client, parameter):
    with pytest.raises(fanout.UnsupportedParamsError):
        client.completion("messages", user("hi"), **parameter)
