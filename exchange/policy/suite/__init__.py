"""Policy test cases: what stewards say a decision must be, held against what it is.

source (YAML, strict) → cases, schemas → run on every engine → compare → coverage, report, JUnit.
"""
