"""The test suite; its infrastructure lives in tests.support."""
