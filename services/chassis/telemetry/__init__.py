"""Logs, metrics and traces: what operators see, and never what customers wrote."""
