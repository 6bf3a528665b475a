"""Pairs of questions, labelled by hand: which ask the same, and which only look alike."""

SAME = [
    ("How do I reset my password?", "how do i reset my password"),
    ("How do I reset my password?", "How can I reset my password?"),
    ("How do I reset my password?", "how to reset my password"),
    ("How do I reset my password?", "Hi! How do I reset my password, please?"),
    ("How do I reset my password?", "Hello, how should I reset my password? Thanks!"),
    ("What is the capital of France?", "what's the capital of france"),
    ("What is the capital of France?", "What\u2019s the capital of France??"),
    ("What is the capital of France?", "Could you tell me what the capital of France is?"),
    ("What is the capital of France?", "Can you please tell me what is the capital of France?"),
    ("What are the opening hours on Sunday?", "what are opening hours on Sunday"),
    ("Where is my order?", "Hey, where's my order?"),
    ("Where is my order?", "Do you know where my order is?"),
    ("I can't log in to my account.", "I cannot log in to my account"),
    ("I can't log in to my account.", "i can not log in to my account!"),
    ("Don't send me e-mails", "do not send me emails"),
    ("Write a haiku about rain", "Please write a haiku about rain."),
    ("Write a haiku about rain", "Can you write a haiku about rain?"),
    ("Write a haiku about rain", "Could you please write a haiku about rain? Thank you!"),
    ("Translate 'good morning' to French", "Please translate 'good morning' to French."),
    ("Summarize the refund policy for annual plans", "Could you summarize the refund policy for annual plans?"),
    ("What is the price of plan A for 5 users?", "what's the price of plan A for 5 users"),
    ("Does the API support OAuth 2.1?", "Does the API support OAuth 2.1"),
    ("What does the error E1042 mean?", "What does error E1042 mean, please?"),
    ("List the ten largest cities in Spain", "list the ten largest cities in Spain, thanks in advance"),
    ("Tell me what a mutex is", "What is a mutex?"),
    ("\u6cd5\u56fd\u7684\u9996\u90fd\u662f\u54ea\u91cc\uff1f", "\u6cd5\u56fd\u7684\u9996\u90fd\u662f\u54ea\u91cc"),
    ("What is the difference between TCP and UDP?", "How do TCP and UDP differ?"),
    ("What is the refund policy for annual plans?", "For annual plans, what's the refund policy?"),
    ("How do I cancel my subscription?", "I want to cancel my subscription, how does that work?"),
    ("Where can I find my invoice?", "Where do I find my invoice?"),
]
"""Ask the same. The last four do so in words that no list of forms foresees."""

ALIKE = [
    ("What is the price of plan A for 5 users?", "What is the price of plan A for 6 users?"),
    ("What is the price of plan A for 5 users?", "What is the price of plan B for 5 users?"),
    ("What is the price of plan A for 5 users?", "What is the price of the plan for 5 users?"),
    ("How do I enable two-factor login?", "How do I disable two-factor login?"),
    ("How do I enable dark mode?", "How do I not enable dark mode?"),
    ("Is it safe to take this with alcohol?", "Is it not safe to take this with alcohol?"),
    ("Can I take it with food?", "Can I take it without food?"),
    ("What is the capital of France?", "What is the capital of Spain?"),
    ("What is the capital of France?", "What is the population of the capital of France?"),
    ("Convert 100 euros to dollars", "Convert 100 dollars to euros"),
    ("Convert 100 euros to dollars", "Convert 1000 euros to dollars"),
    ("Translate this from English to French: hello", "Translate this from French to English: hello"),
    ("Translate 'the dog' to French", "Translate 'dog' to French"),
    ('Count the letters in "Strawberry"', 'Count the letters in "strawberry"'),
    ("Which flights go from Paris to Rome?", "Which flights go from Rome to Paris?"),
    ("Who is the president of Brazil?", "Who was the president of Brazil?"),
    ("Who killed Caesar?", "Who did Caesar kill?"),
    ("How do I delete a user?", "How do I delete all users?"),
    ("How do I delete the file in Git?", "How do I restore the file in Git?"),
    ("Sort the list in ascending order", "Sort the list in descending order"),
    ("What is the maximum dose for adults?", "What is the minimum dose for adults?"),
    ("What is the dose for a child of 3 years?", "What is the dose for a child of 3 months?"),
    ("What happened in World War I?", "What happened in World War II?"),
    ("How do I sort a list in C?", "How do I sort a list in C++?"),
    ("How do I sort a list in C#?", "How do I sort a list in C++?"),
    ("Explain the function get_user", "Explain the function get_users"),
    ("Explain what getUser does", "Explain what getuser does"),
    ("Does version 2.1 support it?", "Does version 2.10 support it?"),
    ("What is 3 + 4?", "What is 3 - 4?"),
    ("What is -5 squared?", "What is 5 squared?"),
    ("What is x\u00b2 for x = 3?", "What is x2 for x = 3?"),
    ("Is 5 greater than 3?", "Is 3 greater than 5?"),
    ("What time is it in New York?", "What time is it in York?"),
    ("Order a pizza", "Order no pizza"),
    ("How do you process payments?", "How do I process payments?"),
    ("Can you export data to CSV?", "Export data to CSV"),
    ("How can I contact you?", "How can you contact me?"),
    ("Who should I call?", "Who should he call?"),
    ("Tell us about it", "Tell US about it"),
    ("What does error E1042 mean?", "What does error E1024 mean?"),
    ("Open https://a.example/x", "Open https://a.example/y"),
    ("Is the shop open on Monday?", "Is the shop open on Sunday?"),
    ("Book a table before eight", "Book a table after eight"),
    ("List cities with more than a million people", "List cities with less than a million people"),
    ("Did he say she lied?", "Did she say he lied?"),
    ("yes", "no"),
    ("Please", "Thanks"),
    ("\u6cd5\u56fd\u7684\u9996\u90fd\u662f\u54ea\u91cc\uff1f", "\u897f\u73ed\u7259\u7684\u9996\u90fd\u662f\u54ea\u91cc\uff1f"),
    (
        (
            "Write an essay on the economic history of France from the middle ages to our days, with attention to trade, to farming and to "
            "the growth of towns, in plain words and with an example for each century, so that pupils of a high school can follow it"
        ),
        (
            "Write an essay on the economic history of Italy from the middle ages to our days, with attention to trade, to farming and to "
            "the growth of towns, in plain words and with an example for each century, so that pupils of a high school can follow it"
        ),
    ),
    (
        (
            "Write an essay on the economic history of France from the middle ages to our days, with attention to trade, to farming and to "
            "the growth of towns, in plain words and with an example for each century, so that pupils of a high school can follow it"
        ),
        (
            "Write an essay on the economic history of France from the middle ages to our days, with attention to trade, to farming and to "
            "the growth of towns, in plain words and with an example for each century, so that pupils of a high school can follow it easily"
        ),
    ),
    ("How often does na occur in na na na", "How often does na occur in na na na na"),
    ("Correct the commas: let us eat grandma", "Correct the commas: let us eat, grandma"),
    ("Is turkey cheap in spring?", "Is Turkey cheap in spring?"),
    ("What is (2 + 3) * 4?", "What is 2 + (3 * 4)?"),
    ("Fix this:\nif x:\n    a()\nb()", "Fix this:\nif x:\n    a()\n    b()"),
]
"""Look alike and have other answers."""
