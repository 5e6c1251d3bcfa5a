"""The records that the verbs over finished results read."""

from tests.results.conftest import record as record
