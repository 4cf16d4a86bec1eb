# 港务局 · Conditions that a line of CSV cannot say.
package exchange.departments.port

default allow := false

# Those who were granted flights may read them from Monday to Sunday, day and night.
allow if input.dataset.id == "port.flights"

# Outside an emergency a responder's view of the exact times is coarser. Anything but a declared emergency
# counts as normal, so that a missing state never widens what is seen.
obligations contains {
	"id": "calm-times",
	"columns": {"withhold": ["arr_time", "dep_time"]},
} if {
	input.purpose == "emergency-response"
	input.state != "emergency"
}
