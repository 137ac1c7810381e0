# Fanout
# SPDX-License-Identifier: Apache-2.0
"""Real calls against a real provider; see scripts/test-live."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "clients" / "python"))

import fanout  # noqa: E402

NO_KEY = 75


class Provider:
    """What a provider needs: all of `needs` in the environment (each name, or one of several), and its models."""

    def __init__(self, needs, chat, embedding=None, **params):
        self.needs = [need if isinstance(need, tuple) else (need,) for need in needs]
        self.chat, self.embedding, self.params = chat, embedding, params

    def missing(self):
        return [" or ".join(names) for names in self.needs if not any(os.environ.get(name) for name in names)]


PROVIDERS = {
    "openai": Provider(["OPENAI_API_KEY"], "gpt-4o-mini", "text-embedding-3-small"),
    "azure": Provider(
        ["AZURE_API_KEY", "AZURE_API_BASE", "FANOUT_LIVE_AZURE_DEPLOYMENT"],
        os.environ.get("FANOUT_LIVE_AZURE_DEPLOYMENT", ""), api_version="2024-10-21"),
    "anthropic": Provider(["ANTHROPIC_API_KEY"], "claude-3-5-haiku-latest"),
    "gemini": Provider([("GEMINI_API_KEY", "GOOGLE_API_KEY")], "gemini-2.0-flash", "gemini-embedding-001"),
    "vertex_ai": Provider(
        [("GOOGLE_APPLICATION_CREDENTIALS", "VERTEXAI_CREDENTIALS"), "VERTEXAI_PROJECT"], "gemini-2.0-flash",
        vertex_project="os.environ/VERTEXAI_PROJECT",
        vertex_location=os.environ.get("VERTEXAI_LOCATION", "us-central1")),
    "bedrock": Provider(
        [("AWS_ACCESS_KEY_ID", "AWS_BEARER_TOKEN_BEDROCK", "AWS_PROFILE")], "amazon.nova-micro-v1:0",
        aws_region_name=os.environ.get("AWS_REGION_NAME", os.environ.get("AWS_REGION", "us-east-1"))),
    "mistral": Provider(["MISTRAL_API_KEY"], "mistral-small-latest", "mistral-embed"),
    "cohere": Provider([("COHERE_API_KEY", "CO_API_KEY")], "command-r7b-12-2024", "embed-english-v3.0"),
    "groq": Provider(["GROQ_API_KEY"], "llama-3.1-8b-instant"),
    "deepseek": Provider(["DEEPSEEK_API_KEY"], "deepseek-chat"),
    "xai": Provider(["XAI_API_KEY"], "grok-3-mini"),
    "openrouter": Provider(["OPENROUTER_API_KEY"], "openai/gpt-4o-mini"),
    "ollama": Provider(["OLLAMA_API_BASE"], os.environ.get("FANOUT_LIVE_OLLAMA_MODEL", "llama3.2")),
    "hosted_vllm": Provider(["HOSTED_VLLM_API_BASE", "FANOUT_LIVE_VLLM_MODEL"],
                            os.environ.get("FANOUT_LIVE_VLLM_MODEL", "")),
    "huggingface": Provider([("HF_TOKEN", "HUGGINGFACE_API_KEY")], "meta-llama/Llama-3.1-8B-Instruct"),
    "together_ai": Provider(
        [("TOGETHERAI_API_KEY", "TOGETHER_API_KEY")], "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    "fireworks_ai": Provider(
        [("FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY")], "accounts/fireworks/models/llama-v3p1-8b-instruct"),
    "perplexity": Provider([("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY")], "sonar"),
    "cerebras": Provider(["CEREBRAS_API_KEY"], "llama3.1-8b"),
    "llamacpp": Provider(["LLAMACPP_API_BASE"], "gemma-3-270m", "gemma-3-270m",
                         api_base="os.environ/LLAMACPP_API_BASE"),
}

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CAPITAL = {
    "type": "json_schema",
    "json_schema": {
        "name": "capital", "strict": True,
        "schema": {
            "type": "object", "properties": {"capital": {"type": "string"}},
            "required": ["capital"], "additionalProperties": False,
        },
    },
}


def say(text):
    return [{"role": "user", "content": text}]


class Calls:
    """Each method is one call; it gives words for the report, or raises."""

    def __init__(self, client):
        self.client = client

    def chat(self):
        answer = self.client.completion("live", say("Say hello in one word."), max_tokens=200)
        text = answer.choices[0].message.content
        assert text and text.strip(), "no text came back"
        assert answer.usage.prompt_tokens > 0, "no usage came back"
        return f"{text.strip()[:40]!r}, {answer.usage.prompt_tokens} + {answer.usage.completion_tokens} tokens"

    def stream(self):
        pieces = [
            piece.choices[0].delta.content
            for piece in self.client.completion("live", say("Count from 1 to 5."), max_tokens=200, stream=True)
            if piece.choices and piece.choices[0].delta.content
        ]
        assert pieces, "no piece came back"
        return f"{len(pieces)} pieces"

    def tool(self):
        answer = self.client.completion(
            "live", say("What is the weather in Paris? Use the tool."), tools=[WEATHER], max_tokens=400)
        calls = answer.choices[0].message.tool_calls
        assert calls, "the model called no tool"
        arguments = json.loads(calls[0].function.arguments)
        return f"{calls[0].function.name}({arguments})"

    def structured(self):
        answer = self.client.completion(
            "live", say("The capital of France?"), response_format=CAPITAL, max_tokens=400)
        return json.loads(answer.choices[0].message.content)["capital"]

    def embedding(self):
        answer = self.client.embedding("live-embedding", ["one", "two"])
        assert len(answer.data) == 2 and len(answer.data[0].embedding) > 1, "two vectors were asked for"
        return f"2 vectors of {len(answer.data[0].embedding)}"

    def unknown_model(self):
        try:
            self.client.completion("live-unknown", say("Hello"), max_tokens=10)
        except fanout.FanoutError as error:
            assert error.code in ("NOT_FOUND", "INVALID_REQUEST", "PERMISSION"), f"classed as {error.code}"
            return error.code
        raise AssertionError("a model that doesn't exist answered")


def deployment(name, provider, model, params):
    return {"model_name": name, "litellm_params": {"model": f"{provider}/{model}", **params}}


def skip(name):
    print(f"{name}: skipped: not in the environment: {', '.join(PROVIDERS[name].missing())}")


def run(name, arguments):
    provider = PROVIDERS[name]
    if provider.missing():
        return NO_KEY
    chat = arguments.model or provider.chat
    embedding = arguments.embedding_model or provider.embedding
    models = [deployment("live", name, chat, provider.params),
              deployment("live-unknown", name, "no-such-model-by-fanout", provider.params)]
    if embedding:
        models.append(deployment("live-embedding", name, embedding, provider.params))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        # JSON is YAML.
        config = Path(folder, "config.yaml")
        config.write_text(json.dumps({"model_list": models, "router_settings": {"num_retries": 1}}))
        path = f"{folder}/fanout.sock"
        command = [f"{os.environ['FANOUT_BINARIES']}/fanoutd", "--config", str(config), "--socket", path]
        with open(f"{folder}/log", "w+") as log, subprocess.Popen(command, stderr=log) as daemon:
            try:
                while not os.path.exists(path):
                    if daemon.poll() is not None:
                        log.seek(0)
                        print(f"{name}: the daemon didn't start: {log.read()}")
                        return 1
                    time.sleep(0.05)
                with fanout.Client(path) as client:
                    failed = report(name, chat, Calls(client), embedding)
            finally:
                daemon.terminate()
    return 1 if failed else 0


def report(name, chat, calls, embedding):
    failed = 0
    print(f"{name}: {chat}")
    for kind in ("chat", "stream", "tool", "structured", "embedding", "unknown_model"):
        if kind == "embedding" and not embedding:
            print("  skipped  embedding      no embedding model is known here: --embedding-model names one")
            continue
        began = time.monotonic()
        try:
            words, verdict = getattr(calls, kind)(), "ok     "
        except Exception as error:  # Whatever goes wrong is what this script is for.
            words, verdict = f"{type(error).__name__}: {error}", "FAILED "
            failed += 1
        print(f"  {verdict}  {kind:13}  {time.monotonic() - began:5.1f} s  {words}", flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(prog="scripts/test-live")
    parser.add_argument("provider", nargs="?", choices=sorted(PROVIDERS), metavar="PROVIDER")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--ready", action="store_true", help="only say whether there is anything to do")
    parser.add_argument("--model")
    parser.add_argument("--embedding-model")
    arguments = parser.parse_args()
    if arguments.list:
        for name, provider in sorted(PROVIDERS.items()):
            missing = provider.missing()
            print(f"{name:14} {'ready' if not missing else 'needs ' + ', '.join(missing)}")
        return 0
    if not arguments.provider and not arguments.all:
        parser.error("name a provider, or --all")
    if arguments.ready:
        names = sorted(PROVIDERS) if arguments.all else [arguments.provider]
        for name in names:
            if PROVIDERS[name].missing():
                skip(name)
        return NO_KEY if all(PROVIDERS[name].missing() for name in names) else 0
    if arguments.all:
        statuses = [run(name, arguments) for name in sorted(PROVIDERS)]
        return 1 if 1 in statuses else 0 if 0 in statuses else NO_KEY
    return run(arguments.provider, arguments)


sys.exit(main())
