"""Where things lie in a checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
SAMPLES = ROOT / "sample_models"
STORE_FIXTURES = TESTS / "support" / "store_fixtures"
CASES = TESTS / "cases"
