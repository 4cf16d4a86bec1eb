# 审计局 · Conditions that a line of CSV cannot say.
package exchange.departments.audit

default allow := false

# The whole log is for the Audit Office, whatever a grant may say by mistake.
allow if {
	input.purpose == "audit"
	input.subject.department == "audit"
}

allow if input.purpose in {"stewardship", "statistics"}

# One rule for all owners, so that none can be forgotten: a department sees the rows on its own datasets, those that
# it does not have included, and nothing of others. A department's code holds neither quote, "%" nor "_".
obligations contains {
	"id": "own-datasets",
	"rows": concat("", ["dataset LIKE '", input.subject.department, ".%'"]),
} if {
	input.purpose == "stewardship"
}
