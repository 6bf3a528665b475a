"""The standard variables, read."""

import pytest

from turnout.telemetry.names import BOTH, NEW, OLD, profiles_of
from turnout.telemetry.sampling import Sampler
from turnout.telemetry.settings import Settings, read

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("environ", "signals"),
    [
        ({}, None),
        (ENDPOINT, (True, True)),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE"}, None),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, (False, True)),
        ({**ENDPOINT, "OTEL_METRICS_EXPORTER": "none", "OTEL_TRACES_EXPORTER": "none"}, None),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://x/v1/metrics"}, (False, True)),
    ],
)
def test_what_is_exported(environ: dict[str, str], signals: tuple[bool, bool] | None) -> None:
    """Only what has somewhere to go, and is not switched off."""
    settings = read(environ)
    assert (settings and (settings.traces, settings.metrics)) == signals


@pytest.mark.parametrize(
    ("name", "argument", "sampler"),
    [
        ("", "", Sampler()),
        ("always_off", "", Sampler("none", False)),
        ("traceidratio", "0.25", Sampler("ratio", False, 0.25)),
        ("parentbased_traceidratio", "", Sampler("ratio", True, 1.0)),
    ],
)
def test_samplers(name: str, argument: str, sampler: Sampler) -> None:
    """All of the standard's that need no other service."""
    settings = read({**ENDPOINT, "OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": argument})
    assert settings is not None
    assert (settings.sampler, settings.complaints) == (sampler, ())


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http/protobuf here, not grpc"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "neither http:// nor https://"),
        ({"OTEL_TRACES_SAMPLER": "jaeger_remote"}, "'jaeger_remote' is none of always_on"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "10"}, "not within 0..1"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "few"}, "'few' is not a number"),
        ({"OTEL_METRIC_EXPORT_INTERVAL": "-1"}, "60000 is used"),
        ({"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}, "cumulativetodelta"),
    ],
)
def test_what_cannot_be_followed_is_told(environ: dict[str, str], words: str) -> None:
    """With what is done instead; exporting goes on."""
    settings = read({**ENDPOINT, **environ})
    assert settings is not None
    [complaint, *_] = settings.complaints
    assert words in complaint


def test_times_and_sizes() -> None:
    """Milliseconds outside, seconds inside."""
    environ = {
        **ENDPOINT,
        "OTEL_METRIC_EXPORT_INTERVAL": "15000",
        "OTEL_BSP_SCHEDULE_DELAY": "250",
        "OTEL_BSP_MAX_QUEUE_SIZE": "99",
    }
    assert read(environ) == Settings(True, True, metric_interval=15.0, delay=0.25, queue=99)


@pytest.mark.parametrize(
    ("asked", "profiles"),
    [("", OLD), ("http", OLD), ("http, gen_ai_latest_experimental", NEW), ("gen_ai_latest_experimental/dup", BOTH)],
)
def test_which_names_are_asked_for(asked: str, profiles) -> None:
    """The old ones unless somebody says otherwise."""
    assert profiles_of(asked) == profiles
