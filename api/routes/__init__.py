"""The routes, one module a subject. Each names who may call it."""
