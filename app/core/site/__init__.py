"""Websites that use Assent: which of them load the scripts."""
