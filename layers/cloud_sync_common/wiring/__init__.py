"""Builds the services out of the environment: the one place that knows variables, clients and clocks.

A module for each function, so that a function imports what it needs and nothing else; nothing is imported here.
"""
