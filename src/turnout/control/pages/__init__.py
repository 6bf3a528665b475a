"""The dashboard's pages: each a function from what the ledger knows to a value that says what is to be seen. The browser draws it."""
