# Fanout
# SPDX-License-Identifier: Apache-2.0
"""Serves one GGUF model by llama.cpp's server until a signal. Run by scripts/real-model."""

import argparse
import ctypes
import os
import signal
import sys
import urllib.request

# The weights are of a base model, which knows no turns: this form makes it answer.
TEMPLATE = """{% for message in messages %}{% if message.role == "user" %}Question: \
{% elif message.role == "assistant" %}Answer: {% endif %}{{ message.content }}
{% endfor %}{% if add_generation_prompt %}Answer:{% endif %}"""

STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
PR_SET_PDEATHSIG = 1


def arguments():
    parser = argparse.ArgumentParser(prog="real-model")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=min(os.cpu_count() or 2, 4))
    parser.add_argument("--with-parent", action="store_true")
    return parser.parse_args()


def serve(options):
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = options.port
    parameters.model.path = options.weights
    parameters.model_alias = {"gemma-3-270m"}
    parameters.n_parallel = options.slots
    parameters.n_ctx = options.slots * options.context
    parameters.cpuparams.n_threads = options.threads
    parameters.chat_template = TEMPLATE
    # A base model seldom stops by itself: for those who name no bound of their own.
    parameters.n_predict = 256
    # Embeddings from the same server: chat costs the same with it (measured).
    parameters.embedding = True
    parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    # Each slot waiting for a keep-alive connection takes a thread: more than the slots, or idle clients block new ones.
    parameters.n_threads_http = 64
    # No prompt cache in memory beyond the slots' own, which would grow to 8 GiB.
    parameters.cache_ram_mib = 0
    parameters.ui = False
    parameters.verbosity = 1
    return xllamacpp.Server(parameters)


def main():
    options = arguments()
    if options.with_parent:
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            return 1
    # The server's threads inherit the mask, so that the signal comes to sigwait alone.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    server = serve(options)
    address = server.listening_address
    with urllib.request.urlopen(f"{address}/health", timeout=60) as answer:
        answer.read()
    print(f"{address}/v1", flush=True)
    signal.sigwait(STOP_SIGNALS)
    # Its destructor waits for what is being generated; nobody wants that any more.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
