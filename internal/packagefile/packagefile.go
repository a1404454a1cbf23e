// Package packagefile reads and writes data packages as CSV, for
// `tasksync package import` and for export. It knows the file's shape only:
// storing what it reads is the caller's.
//
// The file is UTF-8, with or without a byte order mark, and begins with a
// header. The columns, in any order, are
//
//	code         the package's code, at most 200 characters, required
//	name         its name, at most 500 characters
//	external_id  the supplier's or Guanke's id, at most 128 characters
//	enabled      true, 1, 是, 启用 (or empty) / false, 0, 否, 停用
//
// Only the column code must be there. A cell that a spreadsheet would take for
// a formula is written behind a ' and read without it.
package packagefile

import "strings"

// The columns of the header.
const (
	columnCode       = "code"
	columnName       = "name"
	columnExternalID = "external_id"
	columnEnabled    = "enabled"
)

var columns = []string{columnCode, columnName, columnExternalID, columnEnabled}

// The limits of a package's texts, in characters.
const (
	MaxCodeLength       = 200
	MaxNameLength       = 500
	MaxExternalIDLength = 128
)

// MaxSize is how many bytes a file may have.
const MaxSize = 64 << 20

// startsFormula reports whether a spreadsheet would take the cell for a
// formula, or would if one or more ' before it were taken away.
func startsFormula(cell string) bool {
	cell = strings.TrimLeft(cell, "'")
	return cell != "" && strings.IndexByte("=+-@\t\r", cell[0]) >= 0
}

// defuse puts a ' before a cell that would be a formula.
func defuse(cell string) string {
	if startsFormula(cell) {
		return "'" + cell
	}
	return cell
}

// undefuse undoes defuse.
func undefuse(cell string) string {
	if strings.HasPrefix(cell, "'") && startsFormula(cell) {
		return cell[1:]
	}
	return cell
}
