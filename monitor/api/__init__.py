"""The HTTP interface: one table of operations, from which both the routes and the OpenAPI document are made.

To add an operation: write a handler ``(services, call) -> Reply`` and a row in its module's ``operations``.
"""
