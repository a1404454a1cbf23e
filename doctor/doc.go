// Package doctor compares the records, the executions in Temporal, the schedules
// and the settings with each other, says in plain words what differs, and mends
// what can be mended.
//
// A check is one file or one function here and asks through the interfaces of
// Parts. What a check needs may be down: then it is left out, the report says
// so, and the others go on.
package doctor
