"""Scalar chains: linear networks of width one."""
