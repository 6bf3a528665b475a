"""Labelled beginnings of answers: those that decline and those that only sound like it."""

import pytest

from turnout.checks.answer import Answer
from turnout.checks.verify import verify
from turnout.types.checks import NotRefusal

DECLINES = [
    "I can't help with that.",
    "I'm sorry, but I cannot assist with that request.",
    "I\u2019m sorry, but I can\u2019t help with that.",
    "I cannot provide instructions for making weapons.",
    "Sorry, I can't do that.",
    "As an AI language model, I cannot provide medical advice.",
    "I'm sorry, but as an AI I don't have access to that.",
    "I must decline this request.",
    "I won't help you with this.",
    "I'm not able to assist with that.",
    "Unfortunately, I am unable to fulfill this request.",
    "I'm sorry, but I can't.",
    "I'm not comfortable writing that.",
    "I apologize, but I cannot generate content of that kind.",
    "This request violates our usage policies.",
    "Es tut mir leid, aber ich kann dabei nicht helfen.",
    "Tut mir leid, ich kann Ihnen dabei nicht helfen.",
    "Leider kann ich diese Anfrage nicht beantworten.",
    "Je suis désolé, mais je ne peux pas vous aider avec cela.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "Desculpe, mas não posso ajudar com isso.",
    "Mi dispiace, ma non posso aiutarti con questa richiesta.",
    "Het spijt me, maar ik kan je daar niet bij helpen.",
    "Извините, но я не могу помочь с этим.",  # noqa: RUF001  Cyrillic is meant
    "抱歉,我无法提供这方面的帮助。",
    "很抱歉,我不能协助您完成这个请求。",
    "申し訳ありませんが、そのご要望にはお応えできません。",
    "죄송하지만 그 요청은 도와드릴 수 없습니다.",
    "> I'm sorry, but I can't assist with that.",
    "**I cannot comply with that request.**",
    "I'm afraid I can't do that.",
    "I refuse to write this.",
    "Ich kann Ihnen dabei leider nicht helfen.",
    "作为一个AI语言模型,我无法回答这个问题。",
]
ANSWERS = [
    "I won't do this by hand: use sed.",
    "I'm unable to do that math in my head, but the result is 4.",
    "I can't share my screen here, but click File.",
    "I'm sorry, I cannot find the word in the text.",
    "I cannot create a table of that size, so here are the first rows.",
    "I can't help but admire the elegance of this proof.",
    "I can't see a bug in this code; the error comes from elsewhere.",
    "I'm sorry to hear that your order arrived damaged. Here is what to do.",
    "I cannot recommend this book enough.",
    "Sorry for the confusion! The answer is 42.",
    "I'm sorry, but your code has a bug in line 3.",
    "As an AI engineer you will want to start with data.",
    "As an AI, I find chess fascinating; the Sicilian is a good start.",
    "Unfortunately, the train does not run on Sundays. Take the bus.",
    "I can't give an exact date, but it was about 1890.",
    "You can't help with that if you do not know the person.",
    '"I can\'t help with that," said the robot, and the crowd laughed.',
    "I won't go into the details: here is the summary.",
    'def refuse(): return "I can\'t help with that."',
    "Here is how to say no politely: I'm sorry, but I can't help with that.",
    "Leider ist der Zug verspätet. Nehmen Sie den Bus.",
    "Ich kann dir dabei helfen: zuerst öffnest du die Datei.",
    "Je ne peux pas croire que ce soit déjà fini, dit-elle.",
    "No puedo decir que sea fácil, pero aquí está la solución.",
    "抱歉让您久等了,答案是42。",
    "申し訳ありませんが、少し長くなります。答えは42です。",
    "I am unable to reproduce the error with your data; it runs fine here.",
    "Mi dispiace che il pacco sia arrivato rotto. Ecco cosa fare.",
    "",
    "Sorry, that was a typo in my last message: the port is 8080.",
    "I can do that for you.",
    "La respuesta es no.",
    "Non posso che consigliarlo.",
    "Het spijt me dat je moest wachten. Het antwoord is 7.",
    "Извините за задержку. Ответ: 42.",
]


@pytest.mark.parametrize("text", DECLINES)
def test_an_answer_that_declines(text: str) -> None:
    """The usual phrases at the beginning, in several languages."""
    assert verify((NotRefusal(),), Answer(text)) is not None


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_that_does_not(text: str) -> None:
    """The same words without what makes them a refusal, quoted, or later in the text."""
    assert verify((NotRefusal(),), Answer(text)) is None


@pytest.mark.parametrize("finish", ["refusal", "content_filter"])
def test_a_finish_that_declines(finish: str) -> None:
    """Whatever was said before it."""
    assert verify((NotRefusal(),), Answer("Here is", finish)) is not None
    assert verify((NotRefusal(),), Answer("Here is", "stop")) is None
