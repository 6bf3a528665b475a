"""What people are told without asking: webhooks, chat, mail."""
