"""Tests: unit (pure), contract (one suite, many implementations), twin (the whole system, public API only)."""
