# Conditions of the whole city. Every read must meet them, and those of the dataset's own department.
package exchange.baseline

default allow := false

# Data goes from system to system. A steward writes the rules and therefore reads nothing by them.
allow if input.subject.kind == "system"

# What a department declares as not shared stays with it, whatever its grants say.
deny contains "not-shared" if {
	input.dataset.sharing == "none"
	input.subject.department != input.dataset.department
}
