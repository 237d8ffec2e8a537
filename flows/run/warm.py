"""Looked up once, in the server that the processes of runs are forked from: which engines are installed takes every fresh process a
twentieth of a second."""

from flows.engines import registry

NAMES = registry.names()
