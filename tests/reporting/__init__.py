"""Tests of the report pages."""
