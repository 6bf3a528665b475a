"""Answers that decline.

Only the beginning is read, and only the usual phrases count, each with the verb that makes it a refusal: "I can't help with that" declines,
"I can't help but admire it", "I can't see a bug" and "I'm sorry to hear that" do not. A refusal that is missed costs an answer's quality,
one that is imagined only the price of a second model; still, an answer that declines half-way or in other words passes.
"""

import re

from turnout.checks.answer import Answer

BEGINNING = 240
"""Characters of an answer in which a refusal shows."""

_TASK = (
    r"(?:help (?:you )?(?:with|to|do)|help you\W*$|help\W*$|assist|comply|fulfill?|complete (?:this|that|your)|do (?:that|this|so)\b(?=\s*(?:[.,;!]|$))|answer (?:that|this|your)|"
    r"(?:provide|give|offer|share|supply)(?: you)?(?: with)? (?:(?:any|medical|legal|financial|specific) )?(?:instructions|information|guidance|advice|assistance|help|details|support|that|this|you)\b|"
    r"(?:create|write|generate|produce|make) (?:that|this|content|material|such|anything|any)|participate|engage (?:in|with)|"
    r"(?:continue|proceed) with (?:this|that|your)|support (?:this|that|such)|discuss (?:this|that|such)|process (?:this|that|your)|fulfil|respond to (?:this|that|your))"
)
_CANNOT = r"(?:can'?t|cannot|can not|won'?t|will not|am unable to|'?m unable to|am not able to|'?m not able to|could not|must decline to|have to decline to)"
_SORRY = r"(?:(?:i'?m|i am|we'?re|we are)?\s*(?:very |so |really |truly )?(?:sorry|afraid)|i apologi[sz]e|my apologies|apologies|unfortunately|regrettably)"
_AS_AI = r"as an? (?:ai|artificial intelligence|large language model|language model)(?:[ -](?:language )?(?:model|assistant))?(?: (?:developed|created|made|trained) by \w+)?"

_ENGLISH = (
    rf"(?:{_SORRY}[,.;:!]?\s*(?:but\s+)?(?:that\s+)?)?(?:{_AS_AI},?\s*)?(?:i|we)\s*{_CANNOT}\s+(?:\w+ly\s+)?(?:{_TASK})",
    rf"{_SORRY}[,.;:!]?\s*(?:but\s+)?(?:(?:i|we)\s*{_CANNOT})\s*[.!]",
    rf"{_SORRY}[,.;:!]?\s*(?:but\s+)?(?:this|that|your) (?:request|question|prompt) (?:violates|goes against|is against|is not allowed|cannot be)",
    rf"(?:{_SORRY}[,.;:!]?\s*(?:but\s+)?)?i (?:must|have to|need to|am going to|'?m going to) (?:\w+ly )?(?:decline|refuse)\b",
    rf"{_SORRY}[,.;:!]?\s*(?:but\s+)?{_AS_AI},?\s*i\s*(?:{_CANNOT}|do not|don't)",
    r"i (?:decline|refuse) to\b",
    r"i(?:'m| am) not (?:comfortable|willing to|going to (?:help|assist|write|provide))",
    r"(?:this|your) (?:request|question|prompt) (?:violates|goes against|is against) (?:my|our|the)\b",
)
_OTHERS = (
    # German
    r"(?:(?:es )?tut mir (?:sehr )?leid,?\s*(?:aber\s+)?|leider )(?:ich )?(?:kann|darf|werde) (?:ich )?(?:dir |ihnen |euch )?(?:dabei|damit|dazu|diese[rnms]? (?:anfrage|bitte)|hierbei|nicht)\b.{0,40}\b(?:helfen|weiterhelfen|behilflich|unterstützen|nachkommen|erfüllen|beantworten)",
    r"ich (?:kann|darf|werde) (?:dir |ihnen |euch )?(?:dabei|damit|hierbei)\b.{0,20}\bnicht (?:weiter)?(?:helfen|behilflich|unterstützen)",
    # French
    r"(?:(?:je suis )?(?:vraiment |sincèrement )?désolée?,?\s*(?:mais\s+)?)?je ne (?:peux|puis) (?:malheureusement )?pas (?:vous |t')?(?:y )?(?:aider|assister|répondre à (?:cette|votre)|fournir (?:cette|ces|ce|de telles)|accéder à|faire (?:cela|ça))",
    # Spanish
    r"(?:lo siento,?\s*(?:pero\s+)?|lamentablemente,?\s*)?no (?:puedo|podemos) (?:ayudar(?:te|le|los)?|asistir(?:te|le)?|cumplir|proporcionar (?:esa|esta|ese|este)|responder a (?:esa|esta)|hacer eso)\b",
    # Portuguese
    r"(?:(?:desculpe|sinto muito|lamento|infelizmente),?\s*(?:mas\s+)?)?(?:eu )?não (?:posso|consigo) (?:te |o |lhe )?(?:ajudar|ajudá-lo|atender|fornecer (?:essa|esse|isso)|responder a (?:essa|esta)|fazer isso)\b",
    # Italian
    r"(?:mi dispiace,?\s*(?:ma\s+)?|purtroppo,?\s*)?non (?:posso|sono in grado di) (?:aiutar(?:ti|la|vi|e)|assister(?:ti|la)|fornire (?:queste|questa|tali)|rispondere a (?:questa|tale)|soddisfare)\b",
    # Dutch
    r"(?:(?:het )?spijt me,?\s*(?:maar\s+)?)ik kan (?:je|u|jou)?\s*(?:daar|hier)?\s*(?:niet|geen)\b",
    # Russian
    r"(?:извините|простите|к сожалению|мне жаль),?\s*(?:но\s+)?(?:я\s+)?не (?:могу|смогу) (?:вам |тебе |с этим )*(?:помочь|выполнить|ответить|предоставить)",  # noqa: RUF001  Cyrillic is meant
    # Chinese
    r"(?:很?抱歉|对不起|對不起|不好意思)[,,。!!]?\s*(?:但)?(?:是)?我?(?:无法|無法|不能|没有办法|沒有辦法)(?:为您|為您|帮您|幫您|向您)?(?:提供|协助|協助|帮助|幫助|回答|完成|满足|滿足|处理|處理)",
    r"(?:作为|作為)(?:一个|一個)?(?:ai|人工智能)\w{0,8}[,,]\s*我(?:无法|無法|不能)",
    # Japanese
    r"(?:申し訳(?:ありません|ございません)|すみません|ごめんなさい)(?:が|。|、)*[^。]{0,40}(?:お手伝い|お答え|ご協力|対応|お応え|提供)(?:することは|することが|は)?(?:でき(?:ません|かねます)|いたしかねます)",
    # Korean
    r"(?:죄송(?:합니다|하지만)|미안하지만)[,.]?\s*(?:만,?\s*)?[^.]{0,40}(?:도와드릴 수 없|도움을 드릴 수 없|답변(?:해 ?드릴|할) 수 없|제공(?:해 ?드릴|할) 수 없)",
)
_REFUSAL = re.compile("|".join(f"(?:{phrase})" for phrase in (*_ENGLISH, *_OTHERS)))
_FINISHES = frozenset({"refusal", "content_filter"})


def refusal(answer: Answer) -> str | None:
    """How the answer declines."""
    if answer.finish in _FINISHES:
        return f"the answer ended with {answer.finish}"
    beginning = answer.text.lstrip(" \t\r\n*_#>").replace("\u2019", "'")[:BEGINNING].lower()
    return "the answer begins with a refusal" if _REFUSAL.match(beginning) else None
