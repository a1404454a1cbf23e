// Package mapping describes an installation of the source: how it is asked, how
// its answers are built, and where the fields of a task stand in them. A
// description is a YAML file; the one of Guanke's own API is embedded. The
// package knows nothing of HTTP: it reads a file, checks all of it, and gives
// back a Mapping that package guanke works by.
//
// # Expressions
//
// Places in an answer are jq expressions. One that is only a path (.data.list)
// or a choice of paths (.id // .taskId) is read while the answer streams by;
// anything else is run by gojq on the decoded value, which costs about ten
// times as much. An expression sees the value it is given and nothing else: no
// environment, no files, no further input, no clock, no zone of the host, so
// that the same answer always gives the same task.
//
// # Mistakes
//
// Everything that is wrong with a file is reported at once, each with its line
// and column and how to mend it. A file never holds credentials: it says where
// ${secret}, ${username} and ${password} go.
package mapping

import (
	// Zones are known on hosts without a database of zones too.
	_ "time/tzdata"
)
