"""Tests of the rendered manifests; they need a kustomize."""
