"""The words classification knows, as data: what they speak for and how strongly. How they are found is scan.py's part.

A phrase is matched in lower case at word boundaries; a trailing ``*`` leaves its end open (``summari*``), and scripts without
spaces have no boundaries. A phrase counts once however often it occurs. A phrase may speak for several things.
"""

# What a phrase may speak for: a task, a value of a trait, or one of these features of the text.
REASONING = "reasoning"  # asks for thought: compare, prove, why
EXPERT = "expert"  # subject matter that few master
CONSTRAINT = "constraint"  # a condition that the answer must meet
EASE = "ease"  # asks for little
ACT = "act"  # an order to do something; speaks for agentic only where there are tools
GREETING = "greeting"  # speaks for conversation only where the message is hardly more
EXAM = "exam"  # a question with its possible answers: math where it reckons, else qa
QUANTITY = "quantity"  # asks for a number; speaks for math only beside numbers, else for qa

TASKS: dict[str, dict[float, str]] = {
    "code_generation": {
        3: """write a function, python function, write a script, unit test*, pytest, refactor*, stack trace, bash script, shell script,
            sql query, regex, regexp, dockerfile, docker compose, github actions, react component, vue component, pull request,
            code completion, autocomplete*, inline completion, kubectl, terraform, one-liner, npm err*, nginx, endpoint, segfault,
            type error, typeerror, keyerror, nullpointerexception, compile error, compiler, memory leak, race condition*, in rust,
            in python, in java, in golang, in c++, in javascript, in typescript, eine funktion, un script bash,
            une fonction, una clase en, una función, una consulta sql, consulta sql, uma função, una funzione, un componente,
            写一个函数, 编写代码, 写代码, 实现一个, 実装して, 関数を, コードを書, функцию на, напиши код, напиши скрипт,
            напиши функцию, deadlock*, firmware, mutex, cuda""",
        2: """python, javascript, typescript, golang, kotlin, rust, postgresql, react, vue, css, html, sqlite, flask, fastapi, django,
            code, coding, debug*, bug, script, api, git, docker, kubernetes, implement*, programm*, algorithm, codebase, code base,
            query, css, json schema, unittest, exception, node, npm, backend engineer, cli, java, swift,
            middleware, webhook, migration, bash, javascript, vite, sdk, raft, heap, funktion, fonction, función, função, funzione,
            скрипт, код, 代码, コード, 函数, 関数""",
        1: "fix, function, class, compile, deploy*, server, variable, loop, array, database, production, component, test suite, patch, app, async",
    },
    "customer_support": {
        4: """customer support, customer service, support agent, helpdesk, help desk, support assistant, technical support,
            billing assistant, service assistant, soporte al cliente, kundenservice, kundendienst, service client, call center agent,
            servizio clienti, suporte ao cliente, служба поддержки, 客服, カスタマーサポート, phone agent, voice agent, faq bot,
            customer portal, web chat, chat widget, chatbot du site""",
        3: """my order, my account, my subscription, my money back, refund*, my booking, my card was, tracking number, warranty claim,
            cancel my, like to return, want to return, return my, talk to a human, log in to my, reset my password, unlock my, my invoice, my bill,
            my parcel, my package, my plan, customer who, customer's, opening hours, do you ship, my internet,
            meine bestellung, meine rechnung, mein konto, mein paket, ma commande, mon colis, mon compte, être remboursé,
            mi cuenta, mi pedido, il mio abbonamento, il mio ordine, un rimborso, meu pedido, minha conta, minha fatura,
            我的订单, 退款, 退货, 注文した, 返品, личный кабинет, мой заказ, возврат денег""",
        2: """appointment, router, vpn, still doesn't work, won't turn on, not working, reinstalled, shipping,
            delivery, escalate, complain*, replacement, verification code, restarted, customer, the app, compensation,
            wi-fi, wlan, reembols*, erstattung, umtauschen, trocar, sendungsverfolgung, plan includes, cheaper plan""",
        1: "warranty, account, subscription, order, invoice, email, bank, device, plan",
    },
    "analysis": {
        3: """analy*, pros and cons, trade-off*, tradeoff*, swot, root cause, evaluate, assess, compare, recommend one, advantages and,
            due diligence, due-diligence, stress-test, risks, interpret these, competitive analysis, steelman, logical gaps, critique,
            compare the, business case, vergleiche, analysiere, vor- und nachteile, bewerte,
            compare avec, avantages et, évalue, ventajas y desventajas, analiza, compara, vantagens e desvantagens, analise,
            vantaggi e svantaggi, analizza, confronta, 分析, 比较, 评估, 利弊, 比較, 評価, проанализируй, плюсы и минусы, сравни,
            worth it, merger model, conformité, vérifie, comprueba, prüfe, 核对, key principles""",
        2: """should we, should i, should you, impact of, why did our, explain how the, implications, strategy, scenarios, hypothesis,
            what would you, benefits of, biases, trend, causes, root-cause, claim, which of these two, conversion rate,
            churn, weigh, assessment, argument, covenant, gaps, recommend, review the, thesis, contract*, arbeitsvertrag, contrato,
            check this, how should i, what makes, cost structure, flaws, is our""",
        1: "patterns, review, risk*, why, opinion, decision, strateg*, better, market, revenue, compliance",
    },
    "creative_writing": {
        3: """poem, haiku, limerick, sonnet, short story, a story, joke, lyrics, slogan*, tagline*, tweet, linkedin post, blog post,
            cover letter, product description*, novel, dialogue between, newsletter, invitation text, press release,
            subject line, invent a, continue this story, headline*, song, screenplay, fairy tale,
            gedicht, geschichte, rede für, poème, histoire courte, un titre, poema, cuento, un título, racconto, poesia,
            写一首, 写诗, 故事, 物語, 詩を, 小説, рассказ, стихотворение, сказк*, rap, bio, product page, placeholder""",
        2: """names for, brainstorm*, rewrite this, rewrite, paragraph to sound, draft a, speech, story, in the style of, funny, catchy,
            character for, come up with something, improve the grammar, grammar and flow, copywrit*, writing assistant,
            fun fact, crie um, scrivi un, escribe un, écris une, schreib mir, alternatives for, variations of, filler, creative,
            announcing""",
        1: "title, tone, write, draft, generate, words long, fiction, humor*, tell me a, give me 10, imagine",
    },
    "extraction": {
        3: """extract*, pull the, pull out, as json, json lines, output json, return the entities, entities, parse this,
            parse, to csv, key: value, fields, structured, fill in this schema, list every, list all the, get the email, get the, grab all,
            identify every, extrahier*, extrais, extrae, extrair, extraia, estrai, 提取, 抽出, извлеки, hashtags""",
        2: """json, csv, schema, named entit*, convert the table, from this invoice, from the text, from the following, return null,
            below find, contract find, information about a person, generate a person, answer like, quote the sentence, does this document,
            record:, order, qty, phone number, notes into, etl""",
        1: "find, dates, amounts, return, output, names, invoice, list, address",
    },
    "summarization": {
        4: """summari*, tl;dr, tldr, key takeaways, takeaways, condense, boil the, recap, executive summary, in a nutshell, gist,
            zusammenfass*, fasse, résume, résumé de, resume el, resumen, resuma, riassum*, riassunto, resumo, 总结, 概括, 摘要,
            要約, まとめて, кратко изложи, резюмируй, краткое содержание""",
        2: "in one sentence, in two sentences, bullet points, main argument, main points, meeting notes, changelog entry, shorten, overview",
        1: "in three sentences, key points, brief summary, short version, shorter",
    },
    "translation": {
        4: """translat*, übersetz*, traduis, traduire, traduction, traduce, traducir, traduci, traduzione, traduza, traduzir, traduction,
            翻译, 翻訳, переведи, перевод, interpreter, into english, into german, into french, into spanish,
            ins englische, en anglais, al inglés, in inglese, para o inglês, 译成, 英語に, на английский, localize""",
        2: """in portuguese, in italian, in french, in spanish, in german, in japanese, in chinese, in korean, in russian, in dutch,
            to french, to spanish, to german, to english, to italian, to korean, to dutch, to japanese,
            spanish word for, french word for, german word for, how do you say, word for, auf deutsch, auf englisch""",
        1: "language, mean",
    },
    "qa": {
        2: """what is the capital, capital of, who won, who wrote, who invented, who is the, when was the, when did, what does, what is a,
            what's the difference between, difference between, answer only from the, what do you see, true or false, yes or no question,
            which of the following, explain, is it safe, define, how far is, how long do, what is the maximum,
            was ist der unterschied, wann beginnt, wer hat, pourquoi la, pourquoi le, quelle est, ¿cuál es, ¿qué es, ¿quién,
            chi ha, qual è, o que é, quem, 有多长, 是什么, 为什么, 谁, 何ですか, 何メートル, とは, ですか, кто написал, что такое, почему,
            what's in this image, answer:, in one word, how to, describe this image""",
        1: """what is, what's, what are, who's, where is, why is, why does, why do, how do, how does, how did, how long,
            is it, does the, did, can my, tell me about, list all, name the, was ist, wie, wo, warum, qu'est-ce, où,
            comment, qué, cuál, cómo, dónde, come, cosa, perché, que é, como, onde, 什么, 哪, 怎么, 多少, 何, どう, なぜ, как, где,
            когда, какой, according to""",
        0.5: "who, when, where, which",
    },
    "math": {
        4: """prove that, integral of, derivative of, solve for, square root of, eigenvalue*, closed form, jordan form, probability that,
            standard deviation, maximum likelihood, differential equation, integer program, how many ways, ableitung, wurzel aus,
            l'équation, équation différentielle, raíz cuadrada, calcule a área, equazione, 求函数, 方程, 方程式, 解方程, реши уравнение,
            уравнение, интеграл, continuous with, finite group, initial value problem""",
        3: """calculate, compute, berechne, calcule, calcola, calcula, 计算, 計算, вычисли, derive, equation, fraction, percent of, % of,
            divided by, times, square of, plus, prime number*, primes, polynomial, matrix, mean and, asymptotic, how much money, in total, subtract,
            multiply, sum of, minimises, matrices, ratio of, area of, area bounded, product of, perimeter, remainder, real solutions, subspace*,
            vector space, homomorphism, graph of, polynomial*, quadrant, divisible, twice as, half as, total number of, theorem, prove it, radius, triangle""",
        0.5: "number, number of, more than",
        1: "probability, term, add, per hour, formula, half of, one-third, integer*, integers, interval, ratio, expression, percent, percentage, average, series, convert, km/h, km, miles, celsius, fahrenheit, kilograms, litres, sequence, interest, value of, simplify",
    },
    "agentic": {
        3: """subagent, web search to, code execution tool, use the tools, use your, final answer, autonomous, use web search, tool results,
            thought:, using the tools, open a pull request, shell access, smart home, in-car, action: , browse""",
        1: "agent, tool, tools, plan and, assistant for a",
    },
    "classification": {
        4: """classif*, categoriz*, categoris*, sentiment, is spam or not, label the, label only, which language is,
            intent?, intent router, toxicity, one of: positive, tag this article, assign intent, kategorie,
            clasifica, classifique, 情感, 分类, 分類, классифицируй, positive, negative or, allow or block, label:""",
        2: "spam, category, categories, intent, label, urgency, exactly one of, router, rate the, annotation, one of",
    },
    "conversation": {
        3: """companion, how are you, wie geht's, how's it going, what is up, what's up, qué tal, come stai, как дела, comment ça va,
            tudo bem, 你好吗, 元気, who are you, about yourself, thank you so much, npc,
            in character, just say hello, say hello, see you tomorrow, nice to meet""",
        2: "i feel, i'm sad, i'm happy, lonely, to vent, chat with me, talk to me",
        1: "lol, haha, feeling, a day, i had a",
    },
}

FEATURES: dict[str, dict[float, str]] = {
    REASONING: {
        1: """analy*, prove, compare, evaluate, assess, justify, derive, trade-off*, tradeoff*, why, root cause, design, explain, step by step,
            reason*, strategy, recommend, scenario*, critique, argument, implications, optimis*, optimiz*, plan, pros and cons, think,
            interpret, discuss, review, stress-test, steelman, quantify, uncertainty, assumptions, causes, impact, risk*, vergleiche,
            prüfe, begründe, warum, analyse, compare, évalue, pourquoi, analiza, compara, analisa, confronta, 分析, 比较, 比較, 评估,
            理由, 影响, 証明, 证明, проанализируй, сравни, докажи, почему, verify, show that, determine, formulate, diagnos*""",
    },
    EXPERT: {
        1: """distributed, concurren*, lock-free, thread-safe, linearizable, consensus, raft, kafka, kubernetes, latency, p99, idempoten*,
            hazard pointer*, cuda, compiler, inference, unification, theorem, asymptotic, eigenvalue*, group, likelihood, stochastic,
            integral, differential, manifold, regulatory, compliance, gdpr, rgpd, ifrs, ebitda, irr, capex, liability, indemnif*,
            jurisdiction, treaty, clinical, hazard, heterogeneity, confound*, cohort, dosing, pharmac*, asil, firmware, oncolog*,
            migration, replication, deadlock*, serializable, memory ordering, race condition*, partition*, architect*,
            antitrust, covenant, due diligence, due-diligence, valuation, volatility, patent, protocol, cryptograph*,
            backend, orchestrat*, microservices, security, leak*,
            rebalanc*, terraform, cointegration, quantum, relativ*, tls, conditional, linear program*, relaxation""",
    },
    CONSTRAINT: {
        1: """must, must not, without, at least, at most, no more than, exactly, only if, ensure, make sure, requirements, require*, under,
            except, unless, do not, don't, never, within, between, keep, include, including, each, every, for each, then, and then, after that,
            before, while, also, both, otherwise, if, provide, with a, cover, state, muss, ohne, mindestens, sans, doit, sin, debe, senza,
            必须, 不要, 必ず, без, должен, sem, deve""",
    },
    EASE: {
        1: """briefly, brief, short, one word, one sentence, one line, in a line, just, simple, simply, quick, quickly, only, yes or no, in one,
            one-liner, tl;dr, reply with, say, answer with, repeat, name only, label only, kurz*, bref, court, breve,
            简短, 一句话, 短い, кратко, коротк*""",
    },
    ACT: {
        2: """search for, look up, book, send, turn off, turn on, set a timer, schedule, run the, run, fetch, remind me, deploy, create a,
            assign, clone, find all, go through, take a screenshot, get weather, weather, current time, what time is it, open the,
            change the, archive, message, unsubscribe, email the, use the, call the, search, retrieve,
            schick, such*, buche, erinner*, recherche, réserve, envoie, busca, archiva, envía, reserva, cerca, prenota, 查一下, 帮我, 预订,
            調べて, 予約, キャンセル, найди, забронируй, отправь, current, right now, today""",
    },
    GREETING: {
        3: """hello, hi, hey, hallo, guten morgen, good morning, good evening, bonjour, salut, hola, buenos días, ciao, olá, oi, 你好, 您好,
            こんにちは, おはよう, привет, здравствуй*, thanks, thank you, danke, merci, gracias, grazie, obrigado, 谢谢, ありがとう, спасибо, bye,
            goodbye, see you, tschüss""",
    },
    QUANTITY: {
        2: """how many, how much, how old, how long, how far, what percentage, wie viele, wie viel, combien, cuánto, cuántos, cuánto es, quanti,
            quanto, quantos, 多少, いくつ, いくら, сколько, what is""",
    },
}

TRAITS: dict[str, dict[str, dict[float, str]]] = {
    "latency": {
        "realtime": {
            2: """real time, real-time, realtime, in real time, instantly, instant, immediate answer, immediately, spoken aloud, voice assistant,
                voice agent, phone agent, autocomplete*, inline completion, code completion, latency under,
                minimal latency, low latency, live suggestions, realtime voice,
                under 300 ms, 200 ms, 300 ms, sofort, temps réel, inmediatamente, tiempo real, tempo reale, tempo real,
                in echtzeit, 实时, 立即, 马上, リアルタイム, すぐに, в реальном времени, немедленно, smart speaker""",
            1: "voice, live, latency matters, asap, urgent, quick, in-car, caller, driver",
        },
        "standard": {
            2: """is waiting, are waiting, waiting for, interactive, chat widget, web chat, couple of seconds, live chat, waits,
                in the chat""",
        },
        "batch": {
            2: """overnight, nightly, no rush, no hurry, whenever it is, whenever you, batch run, bulk job, bulk import, offline, cron, scheduled job, asynchronous*,
                batch item, batch job, take your time, when you can, next week, over the weekend, keine eile,
                pas pressé, sin prisa, senza fretta, sem pressa, 不急, 急ぎません, не срочно, nobody waits, bis nächste woche, backlog,
                overnight job""",
            1: "batch, throughput, corpus, archive",
        },
    },
    "cost": {
        "critical": {
            2: """as cheap as possible, cheapest, low budget, tiny budget, shoestring, token cost, save tokens, cost short and cheap,
                least expensive, minimise spend, minimize spend, minimise cost, keep the cost, free tier, capacity is cheap,
                so günstig wie möglich, le moins cher, lo más barato, il più economico, o mais barato, 最便宜, 省钱,
                できるだけ安く, как можно дешевле, budget-friendly, keep costs low, cost-sensitive""",
            1: "millions of, high-volume, low cost",
        },
        "flexible": {
            2: """spare no expense, money is no object, cost does not matter, cost doesn't matter, whatever it costs, budget is unlimited,
                price is irrelevant, regardless of price, regardless of cost, geld spielt keine rolle, no budget limit, cost is no object,
                el dinero no importa, peu importe le prix, 不惜成本, цена не важна, strongest model, best model, das beste modell""",
        },
    },
    "quality": {
        "critical": {
            3: """must be right, must be correct, must be accurate, must be exact, has to be correct, zero tolerance, errors are unacceptable,
                no errors, triple-check, double-check, accuracy is paramount, correctness is everything, safety-critical, safety critical,
                could harm, every statement must, real money,
                production is down, keine fehler, fehler können wir, aucune erreur, un error nos, ningún error, nessun errore, nenhum erro,
                不能出错, 绝对不能, 間違いは許され, ошибка недопустима, ошибок быть не должно, for the auditors, mission-critical,
                board paper, no backup, a mistake, medical, best possible, enforceab*""",
            1.5: """court, regulator, regulatory submission, regulatory, tax authority, clinical, patient, hospital, dose, dosing, hazard,
                compliant, legal action, lawyers, indemnif*, patent, auditors, audit, rechtliche, gericht, cnil, normativa, multa,
                medications, adverse, strongest model, diligence""",
            1: "legal, liability, contract, production, critical, safety, accurate, precise, compliance, gdpr, rgpd, certified, best model, bank",
        },
        "balanced": {
            2: """good quality, decent, reasonably well, reasonable quality, reasonably clean, balance quality, good enough, solid,
                mittlere qualität, 适中""",
        },
        "acceptable": {
            2: """rough draft, quick and dirty, doesn't matter if, don't care if, hacky, throwaway, anything goes, placeholder, no need for clean,
                no need to be precise, ballpark, back of the envelope, roughly, doesn't need error, muss nicht perfekt,
                n'a pas besoin d'être parfait, no hace falta que sea perfecto, première ébauche, just a mockup, whatever,
                mockup, not perfect, non deve essere perfetto, 不用完美, 随便, 適当で, сойдёт,
                needn't be perfect, no need to be, quality is secondary""",
            1: "prototype, auf die schnelle, filler, trivia, sketch, draft",
        },
    },
    "sensitivity": {
        "pii": {
            2: """date of birth, social security number, ssn, passport number, iban, credit card number, card number, medical record,
                personal data, geburtsdatum, personalausweis, sozialversicherungsnummer, numéro de sécurité sociale, dni, codice fiscale,
                cpf, 身份证, 护照号, マイナンバー, паспорт, diagnosed with, national insurance number, driver's licence""",
        },
    },
}

LENGTHS: dict[str, str] = {
    "one": """one word, yes or no, true or false, just the number, label only, only the name, single word, up to 3 words, exactly one of,
        one short sentence, yes/no, number only""",
    "brief": """brief, briefly, concise, short, one sentence, two sentences, in one line, one line, tl;dr, in a line, keep it short, kurz, bref,
        en bref, breve, 简短, 一句话, 短く, кратко, коротко, be brief""",
    "detailed": """in detail, detailed, comprehensive, thorough*, in depth, in-depth, step by step, complete, full, explain everything,
        ausführlich, en détail, détaillé, detallad*, dettagliat*, detalhad*, 详细, 詳しく, подробно, long-form, essay, chapter""",
}

# How text is built: fragments that need no word boundaries. name -> (what it speaks for, how strongly, the fragments).
STRUCTURE: dict[str, tuple[str, float, tuple[str, ...]]] = {
    "code_fence": ("code_generation", 2.5, ("```",)),
    "stack_trace": ("code_generation", 4, ("traceback (most recent call last)", "exception in thread", "\n\tat ", "error[e0", "npm err!", "crashed:")),
    "code": (
        "code_generation",
        2,
        ("def ", "function(", "();", " => {", " => ", "#include", "public static", "const ", "\nimport ", "console.log", "}\n", "):\n", "\nfn ", "</",
         "func (", "    return ", "\treturn ", "uint", "select *", "workdir", "::", "&&", " == ", "++", "for (", "while (", "if ("),
    ),
    "latex": ("math", 4, ("$$", "\\frac", "\\sqrt", "\\int", "\\sum", "\\begin{", "\\infty")),
    "formula": ("math", 3, ("x^", "^2", "^{", "f(x", " mod ", "-> r ", "x =", "= 0", "+ 5 =")),
    "choices": (EXAM, 2.5, ("\nb. ", "\nb) ", "\n(b) ")),
    "blank": ("qa", 1.5, ("_____",)),
    "reply_schema": ("extraction", 0.5, ('{"', '":')),
    "table": ("extraction", 1, ("|--", "| --", "|:-")),
    "quoted_thread": ("summarization", 0.5, ("\n> ",)),
    "list_item": (CONSTRAINT, 1, ("\n1. ", "\n2. ", "\n3. ", "\n- ", "\n* ")),
}  # fmt: skip
OPERATORS = ("+", " + ", "*", " * ", " x ", " \u00d7 ", "\u00d7", "\u00f7", " / ", "^")  # math only between two digits
