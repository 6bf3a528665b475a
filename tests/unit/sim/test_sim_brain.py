import jsonschema
import msgspec
import pytest

from turnout.sim import cases
from turnout.sim.brain import think, unfit
from turnout.sim.profile import BANDS, default_fleet
from turnout.sim.traffic import INVOICE, WEATHER, picture
from turnout.types.models import Feature, Modality
from turnout.types.request import (
    Media,
    Message,
    Reasoning,
    ReasoningWish,
    Request,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

MODELS = default_fleet().models()
SMALL, LARGE, TINY = "sim-openai/small", "sim-openai/large", "sim-local/tiny"
WEATHER_TOOL = Tool("get_weather", msgspec.Raw(msgspec.json.encode(WEATHER)))
INVOICE_FORMAT = ResponseFormat("json_schema", "invoice", msgspec.Raw(msgspec.json.encode(INVOICE)))


def asking(text: str, **fields: object) -> Request:
    return Request((Message("user", (Text(text),)),), **fields)


def answer(request: Request, model: str = SMALL, **options: object) -> str:
    return "".join(
        part.text for part in think(model, MODELS[model], request, seed=7, **options).choice.parts if isinstance(part, Text)
    )


def calls(request: Request, model: str = SMALL) -> list[ToolCall]:
    return [part for part in think(model, MODELS[model], request, seed=7).choice.parts if isinstance(part, ToolCall)]


def test_the_same_question_gets_the_same_answer() -> None:
    """No chance but the seed: usage, text and right or wrong are repeated exactly."""
    request = asking(cases.case("qa", 5).prompt)

    assert think(SMALL, MODELS[SMALL], request, seed=7) == think(SMALL, MODELS[SMALL], request, seed=7)


def test_the_seed_changes_who_knows_what() -> None:
    """Another seed is another exam."""
    requests = [asking(cases.case("math", number).prompt) for number in range(200)]

    by_seed = [[think(TINY, MODELS[TINY], request, seed=seed).topic.right for request in requests] for seed in (1, 2)]

    assert by_seed[0] != by_seed[1]


@pytest.mark.parametrize("task", ["code_generation", "customer_support"])
@pytest.mark.parametrize("band", range(3))
def test_models_know_as_much_as_their_profile_says(task: str, band: int) -> None:
    """Over many cases the share of right answers, checked from the answer itself, is the profile's chance."""
    asked = [cases.case(task, number * 3 + band) for number in range(600)]

    right = sum(cases.is_right(case, answer(asking(case.prompt))) for case in asked)

    assert right / 600 == pytest.approx(MODELS[SMALL].chance(task, BANDS[band]), abs=0.06)


def test_a_quality_drop_is_visible() -> None:
    """A factor scales the chance of being right."""
    asked = [asking(cases.case("qa", number * 3).prompt) for number in range(500)]

    right = sum(think(LARGE, MODELS[LARGE], request, seed=7, factor=0.4).topic.right is True for request in asked)

    assert right / 500 == pytest.approx(0.4, abs=0.06)


def test_tools_are_called_when_asked_for() -> None:
    """A named tool is called with arguments that fit its schema and look asked for."""
    (call,) = calls(asking("Please use get_weather for the weather in Paris.", tools=(WEATHER_TOOL,)))

    assert call.name == "get_weather"
    jsonschema.validate(msgspec.json.decode(call.arguments), WEATHER)
    assert msgspec.json.decode(call.arguments)["city"] == "Paris"


def test_tools_are_called_in_parallel_where_allowed() -> None:
    """Two cities, two calls with ids of their own; one when parallel calls are off or the model cannot."""
    text = "Use get_weather for both cities in parallel: the weather in Rome and in Paris."

    both = calls(asking(text, tools=(WEATHER_TOOL,)))

    assert [msgspec.json.decode(call.arguments)["city"] for call in both] == ["Rome", "Paris"]
    assert len({call.id for call in both}) == 2
    assert len(calls(asking(text, tools=(WEATHER_TOOL,), parallel_tools=False))) == 1
    assert len(calls(asking(text, tools=(WEATHER_TOOL,)), TINY)) == 1


def test_tool_choice_is_obeyed() -> None:
    """``none`` forbids, ``required`` and a name force; nothing asked for means text."""
    tools = (WEATHER_TOOL, Tool("get_time", msgspec.Raw(b'{"type":"object"}')))

    assert calls(asking("Use get_weather.", tools=tools, tool_choice=ToolChoice("none"))) == []
    assert calls(asking("Hello.", tools=tools)) == []
    assert [call.name for call in calls(asking("Hello.", tools=tools, tool_choice=ToolChoice("required")))] == ["get_weather"]
    assert [call.name for call in calls(asking("Hello.", tools=tools, tool_choice=ToolChoice("tool", "get_time")))] == [
        "get_time"
    ]


def test_tool_results_are_answered_in_text() -> None:
    """After the tools spoke, so does the model."""
    request = Request(
        (
            Message("user", (Text("Use get_weather for Paris."),)),
            Message("assistant", (ToolCall("c1", "get_weather", '{"city":"Paris"}'),)),
            Message("tool", (ToolResult("c1", (Text("18 degrees"),)),)),
        ),
        tools=(WEATHER_TOOL,),
    )

    assert "18 degrees" in answer(request)


def test_structured_answers_fit_the_schema_and_hold_the_facts() -> None:
    """A schema shapes the answer; a known case fills it."""
    right = next(case for case in (cases.case("extraction", number) for number in range(99)) if _knows(LARGE, case))

    text = answer(asking(right.prompt, response_format=INVOICE_FORMAT), LARGE)

    jsonschema.validate(msgspec.json.decode(text), INVOICE)
    assert cases.is_right(right, text)
    assert isinstance(msgspec.json.decode(answer(asking("Hi", response_format=ResponseFormat("json_object")))), dict)


def _knows(name: str, case: cases.Case) -> bool:
    return think(name, MODELS[name], asking(case.prompt), seed=7).topic.right is True


def test_images_are_described() -> None:
    """Type and size of what was sent."""
    request = Request((Message("user", (Text("What is it?"), Media("image", "image/png", picture(16)))),))

    assert "image/png" in answer(request)
    assert "16x16" in answer(request)


def test_output_limit_and_stops_end_an_answer() -> None:
    """``max_output`` cuts with finish ``length``; a stop sequence cuts before itself and is named."""
    long = think(SMALL, MODELS[SMALL], asking("Tell me about rivers and bridges.", max_output=3), seed=7)
    stopped = think(SMALL, MODELS[SMALL], asking("Tell me about rivers and bridges.", stop=("matters",)), seed=7)

    assert (long.choice.finish, long.usage.total_output) == ("length", 3)
    assert (stopped.choice.finish, stopped.choice.stop_sequence) == ("stop", "matters")
    assert "matters" not in stopped.choice.parts[0].text


def test_a_thinking_model_bills_its_thinking() -> None:
    """Hidden unless asked for, counted always, off when switched off."""
    prompt = cases.case("math", 2).prompt

    silent = think(LARGE, MODELS[LARGE], asking(prompt), seed=7)
    open_ = think(LARGE, MODELS[LARGE], asking(prompt, reasoning=ReasoningWish(effort="low")), seed=7)
    off = think(LARGE, MODELS[LARGE], asking(prompt, reasoning=ReasoningWish(enabled=False)), seed=7)

    assert silent.usage.reasoning == 420
    assert not any(isinstance(part, Reasoning) for part in silent.choice.parts)
    assert open_.usage.reasoning == 210
    assert isinstance(open_.choice.parts[0], Reasoning)
    assert off.usage.reasoning == 0


def test_n_answers_are_billed_n_times() -> None:
    """Output is counted for each alternative."""
    one, three = (think(SMALL, MODELS[SMALL], asking("Hello there", n=n), seed=7).usage.output for n in (1, 3))

    assert three == 3 * one


@pytest.mark.parametrize(
    ("features", "brought", "fits"),
    [
        (0, Modality.TEXT, True),
        (Feature.TOOLS | Feature.STREAMING, Modality.TEXT, True),
        (Feature.JSON_SCHEMA, Modality.TEXT, False),
        (0, Modality.TEXT | Modality.IMAGE, False),
    ],
)
def test_a_model_says_what_it_cannot(features: int, brought: int, fits: object) -> None:
    """A request that needs what a model has not is refused in words."""
    assert (unfit(MODELS[TINY], int(features), int(brought)) is None) is fits


def test_what_a_model_cannot_is_named() -> None:
    """By the policy's words, not by bits."""
    assert str(unfit(MODELS[TINY], 0, int(Modality.IMAGE | Modality.AUDIO))).endswith("input: image, audio")
    assert str(unfit(MODELS[TINY], int(Feature.LOGPROBS | Feature.REASONING), 1)).endswith("reasoning, logprobs")


def test_an_empty_conversation_is_survived() -> None:
    """No text at all still gets an answer."""
    assert answer(Request(())) != ""
