"""All faults, in the order of the page."""

from tools.fault_matrix import faults as f
from tools.fault_matrix.faults import BODY, HURRIED, OPEN, ROOMY, Fault, status, usage_with

_AT_CONNECT = "there is no connection, so no phase follows"
_A_STATUS = "a status is in the head, and nowhere else"
_A_BODY = "it is about the whole body"
_ERROR = "before the head it is a status; a whole body is one error, from its beginning"
_NO_HTTP = "before the head there is no answer to be wrong"
_TIMES_TEN = {
    "openai": {"prompt_tokens": 1000, "completion_tokens": 70, "total_tokens": 1070},
    "anthropic": {"input_tokens": 1000, "output_tokens": 70},
}


def _refusal(code: int, name: str, kind: str, message: str, more: bytes = b"") -> Fault:
    return Fault(name, f"`{kind}`: {message}", status(code, kind, message, more), ("headers",), _A_STATUS)


SECTIONS: tuple[tuple[str, str, tuple[Fault, ...]], ...] = (
    (
        "Not reached",
        "No request was taken, so nothing is billed.",
        (
            Fault("connection refused", "nobody listens", f.unasked, ("connect",), _AT_CONNECT, {"connect": "refused"}),
            Fault("no such host", "the name has no address", f.unasked, ("connect",), _AT_CONNECT, {"connect": "nowhere"}),
            Fault("no TLS", "https, and the server speaks none", f.unasked, ("connect",), _AT_CONNECT, {"connect": "no TLS"}),
        ),
    ),
    (
        "Silence",
        (
            "Time is the only thing that tells. Before the first content of a stream that is the first-token timeout, after it the idle timeout, for a whole\n"
            "answer the total timeout; over all of them the request's deadline. A slow drip never trips the idle timeout, so that only the deadline bounds it\n"
            "once a stream is committed to: a route whose clients cannot wait has a `deadline`."
        ),
        (
            Fault(
                "silence",
                "says nothing more and stays: a stall",
                f.silence,
                ("connect", "headers", *BODY),
                "",
                {"connect": "mute TLS"},
            ),
            Fault(
                "silence, little time",
                "the same where the request's deadline (0.6 s) is shorter than the timeouts",
                f.silence,
                ("headers", "prelude", "middle", "end"),
                "as silence",
                limits=HURRIED,
            ),
            Fault(
                "slow drip",
                "a byte every 0.15 s, so that no read waits long",
                f.drip,
                ("headers", *BODY),
                "before the request was taken nothing is read; TLS that drips is as slow as TLS that is silent; a last byte that drips has come",
                whole=("headers", "prelude", "middle"),
            ),
        ),
    ),
    (
        "Lost",
        (
            "The connection or the answer ends too early. Once the client has the dialect's end mark its answer is whole, whatever follows. A Chat\n"
            "Completions stream that ends in good order after its finish reason is whole too: some providers leave `[DONE]` out."
        ),
        (
            Fault("reset", "an RST", f.reset, ("connect", "headers", *BODY), "", {"connect": "resetting"}),
            Fault(
                "closed",
                "a FIN before HTTP's own end: a length that is not reached, a chunk that never comes",
                f.closed,
                ("connect", "headers", *BODY),
                "",
                {"connect": "closing"},
            ),
            Fault(
                "truncated",
                "HTTP ends in good order, the answer does not",
                f.truncated,
                OPEN,
                f"{_NO_HTTP}; after its end mark an answer is whole",
            ),
        ),
    ),
    (
        "Refusals",
        (
            "Where others may serve better the fallback answers: 5xx and 408 (health), 429 and 529 (capacity), 401, 403, 404 and a redirect\n"
            "(configuration). What would be wrong everywhere ends the chain with the provider's own 4xx."
        ),
        (
            _refusal(400, "400", "invalid_request_error", "this field cannot be so"),
            _refusal(
                400,
                "400, prompt too long",
                "invalid_request_error",
                "prompt is too long: 300000 tokens > 200000 maximum context length",
            ),
            _refusal(400, "400, content filter", "content_filter", "the prompt was refused by the content filtering policy"),
            _refusal(401, "401", "authentication_error", "this key is not known"),
            _refusal(403, "403", "permission_error", "this key may not do that"),
            _refusal(404, "404", "not_found_error", "there is no such model"),
            _refusal(408, "408", "timeout_error", "the request took too long"),
            _refusal(413, "413", "request_too_large", "the request is too large"),
            _refusal(429, "429", "rate_limit_error", "too many requests"),
            _refusal(429, "429, Retry-After: 1", "rate_limit_error", "too many requests", b"retry-after: 1\r\n"),
            _refusal(429, "429, Retry-After: 3600", "rate_limit_error", "too many requests", b"retry-after: 3600\r\n"),
            _refusal(500, "500", "api_error", "something broke"),
            Fault("502, a proxy's page", "HTML with status 502", f.page(b"502 Bad Gateway"), ("headers",), _A_STATUS),
            _refusal(503, "503", "api_error", "not now"),
            _refusal(504, "504", "timeout_error", "the model took too long"),
            _refusal(529, "529", "overloaded_error", "overloaded"),
            Fault("302", "a redirect; it is not followed: the key would go where it points", f.redirect, ("headers",), _A_STATUS),
        ),
    ),
    (
        "No answer",
        "Something came that is no answer in this dialect.",
        (
            Fault(
                "garbage",
                "bytes that are not HTTP",
                f.garbage,
                ("headers", *BODY),
                "before the request was taken it is a failed TLS handshake: see no TLS; a body with a length has no frame to break",
                whole=("headers",),
            ),
            Fault("huge headers", "80 KB of them", f.huge_head, ("headers",), "headers are in the head"),
            Fault("200, a proxy's page", "HTML with status 200", f.page(b"200 OK"), ("prelude",), _A_BODY),
            Fault("empty body", "status 200 and no byte", f.empty, ("prelude",), _A_BODY),
            Fault(
                "other shape",
                "a whole answer where a stream was asked for, a stream where a whole answer was",
                f.other_shape,
                ("prelude",),
                _A_BODY,
            ),
            Fault(
                "invalid JSON",
                "one event that is not JSON in a stream that goes on; a body that is not",
                f.invalid_json,
                OPEN,
                f"{_NO_HTTP}; after the end mark nothing is read; a whole body is one piece of JSON",
                whole=("middle",),
            ),
            Fault(
                "invalid UTF-8",
                "a text with bytes that are none",
                f.invalid_utf8,
                ("first content", "middle"),
                "it is about text, which is content",
                whole=("middle",),
            ),
            Fault("gzip of garbage", "`content-encoding: gzip`, and it is not", f.gzip_garbage, ("prelude",), _A_BODY),
            Fault("gzip cut", "gzip that does not end, in a body that does", f.gzip_cut, ("middle",), _A_BODY),
        ),
    ),
    (
        "Errors inside a 200",
        (
            "The head said 200, and then the provider said that it failed. Its own error is never relayed: before the first content another model may\n"
            "answer, after it the client gets our error event."
        ),
        (
            Fault(
                "error inside, overloaded",
                "status 200, and then an error event, or an error as the body",
                f.error_inside("overloaded_error", "overloaded, come again"),
                BODY,
                _ERROR,
                whole=("prelude",),
            ),
            Fault(
                "error inside, unknown",
                "the same in words that nobody knows",
                f.error_inside("gremlins", "it is the gremlins"),
                BODY,
                _ERROR,
                whole=("prelude",),
            ),
        ),
    ),
    (
        "Too much",
        "What is held is bounded. A stream that has sent more than 64 KiB without an event of content is committed to, so that what follows is cut.",
        (
            Fault(
                "gzip bomb",
                "30 KB that unpack to one event of 33 MiB, or to a whole answer of 65 MiB",
                f.bomb,
                ("prelude",),
                _A_BODY,
                limits=ROOMY,
            ),
            Fault(
                "endless body",
                "one event of more than 32 MiB, or a whole answer of more than 64 MiB",
                f.endless,
                ("middle",),
                "larger than a head: see huge headers; a prelude of that size is as the middle",
                limits=ROOMY,
            ),
            Fault(
                "long prelude",
                "more than 64 KiB of events without content, then an RST",
                f.long_prelude,
                ("prelude",),
                "it is the prelude, which whole answers have not",
                whole=(),
            ),
        ),
    ),
    (
        "Wrong about itself",
        (
            "The answer is whole and the client gets it. What cannot be trusted for a bill makes the cost unknown; figures that agree with each other are\n"
            "believed. Usage is told at the end of a stream and inside a whole body. The ledger has the name that the provider gave\n"
            "its model beside the one that was asked for."
        ),
        (
            Fault("no usage", "does not say what it bills", f.well, ("end",), "usage is told at the end", usage=lambda _: None),
            Fault(
                "contradictory usage",
                "parts that do not sum up to their total",
                f.well,
                ("end",),
                "usage is told at the end",
                usage=usage_with(openai={"total_tokens": 50}, anthropic={"output_tokens_details": {"thinking_tokens": 5000}}),
            ),
            Fault(
                "unreadable usage",
                "words where numbers should be",
                f.well,
                ("end",),
                "usage is told at the end",
                usage=usage_with(openai={"prompt_tokens": "many"}, anthropic={"input_tokens": "many"}),
            ),
            Fault(
                "wrong usage",
                "ten times the tokens, in order: nobody can see it in one answer",
                f.well,
                ("end",),
                "usage is told at the end",
                usage=usage_with(**_TIMES_TEN),
            ),
            Fault(
                "other model",
                "the answer names another model than was asked for",
                f.well,
                ("prelude",),
                "it is told at the beginning",
                model="somebody-else",
            ),
        ),
    ),
)
"""Title, what to know, and the faults of each part of the page."""

FAULTS: tuple[Fault, ...] = tuple(fault for _, _, faults in SECTIONS for fault in faults)
