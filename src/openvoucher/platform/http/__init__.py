"""HTTP: a table of operations becomes routes, validation, error answers and the OpenAPI document."""
