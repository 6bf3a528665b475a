"""The data plane's face: raw ASGI, who may come in, what they asked, how they are answered. Thin: nothing here decides."""
