"""The data plane's face: its HTTP, who may come in, what they asked, how they are answered. Thin: nothing here decides."""
