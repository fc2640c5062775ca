"""Repairs to moto 5.2.5, one module each: what is wrong, how it was seen, how it is repaired.

Every repair is a context manager that puts moto back as it was.
"""
