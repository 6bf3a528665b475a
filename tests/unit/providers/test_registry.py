from turnout.dialects.registry import DIALECTS
from turnout.providers.registry import AUTH_HEADERS, DIALECT_HOME, vendors

NAMED = {
    "openai", "azure-openai", "mistral", "groq", "together", "deepseek", "xai", "fireworks", "openrouter", "perplexity", "huggingface",
    "ollama", "vllm", "llamacpp", "lmstudio", "litellm", "databricks", "gemini", "anthropic", "sim",
}  # fmt: skip


def test_every_promised_vendor_has_a_row():
    """The list of the product, no more and no less."""
    assert set(vendors()) == NAMED


def test_rows_say_what_the_program_knows():
    """A dialect that exists, an auth style that exists, a place or the need for one."""
    for name, vendor in vendors().items():
        assert vendor.dialect in DIALECTS, name
        assert vendor.auth in AUTH_HEADERS, name
        assert vendor.needs_base_url or vendor.base_url.startswith(("https://", "http://127.0.0.1:")), name
        assert vendor.env or not vendor.needs_key, name
        assert vendor.quirks <= {"max_tokens_param", "no_stream_usage"}, name


def test_only_local_vendors_are_called_in_the_clear():
    """A hosted vendor's credential never travels over plain HTTP."""
    assert all(vendor.local for vendor in vendors().values() if (vendor.base_url or "").startswith("http:"))


def test_every_dialect_has_the_vendor_it_comes_from():
    """An endpoint of one's own takes auth style and headers from there."""
    assert set(DIALECT_HOME) == set(DIALECTS)
    assert all(vendors()[home].dialect == dialect for dialect, home in DIALECT_HOME.items())


def test_the_registry_is_read_once():
    """And not changed by whoever looks."""
    assert vendors() is vendors()
