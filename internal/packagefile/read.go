package packagefile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tasksync/match"
	"tasksync/task"
)

// LineError is a line that was left out.
type LineError struct {
	// Line counts from 1, the header included.
	Line int
	// Reason says what is wrong with it.
	Reason string
}

func (e LineError) Error() string { return fmt.Sprintf("第 %d 行：%s", e.Line, e.Reason) }

// Read reads a file of packages. It returns the good lines in the file's order
// and the bad ones with their reasons; empty lines are neither. A file that
// cannot be read at all (not UTF-8, no usable header, larger than MaxSize) is a
// task.Error of code invalid_argument.
//
// Two codes that are the same in normal form are duplicates: the second is a
// bad line.
func Read(r io.Reader) ([]task.Package, []LineError, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, nil, task.Wrap(task.CodeInvalidArgument, err, "读取文件失败")
	}
	if len(data) > MaxSize {
		return nil, nil, task.Errorf(task.CodeInvalidArgument, "文件超过 %d MB，请分成几个文件导入", MaxSize>>20)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, nil, task.Errorf(task.CodeInvalidArgument, "文件不是 UTF-8 编码，请另存为“CSV UTF-8”后重试")
	}
	rows := csv.NewReader(bytes.NewReader(data))
	rows.FieldsPerRecord = -1
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil, task.Errorf(task.CodeInvalidArgument, "文件是空的，第一行应为表头：%s", strings.Join(columns, ","))
	}
	if err != nil {
		return nil, nil, task.Wrap(task.CodeInvalidArgument, err, "表头无法解析，第一行应为：%s", strings.Join(columns, ","))
	}
	f := reader{seen: make(map[string]int)}
	if err := f.readHeader(header); err != nil {
		return nil, nil, err
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return f.packages, f.bad, nil
		}
		if err != nil {
			f.reject(lineOf(err), "引号不成对，含有引号或逗号的内容须用双引号括起，其中的双引号写两遍")
			continue
		}
		line, _ := rows.FieldPos(0)
		f.readRow(line, row)
	}
}

// lineOf is the line on which the CSV reader's error began.
func lineOf(err error) int {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return parse.StartLine
	}
	return 0
}

// reader holds what has been read of one file.
type reader struct {
	// header has the column of each position.
	header   []string
	packages []task.Package
	bad      []LineError
	// seen has the line of each code in normal form.
	seen map[string]int
}

func (f *reader) reject(line int, format string, args ...any) {
	f.bad = append(f.bad, LineError{Line: line, Reason: fmt.Sprintf(format, args...)})
}

func (f *reader) readHeader(row []string) error {
	for _, cell := range row {
		column := strings.ToLower(strings.TrimSpace(cell))
		if !slices.Contains(columns, column) {
			return task.Errorf(task.CodeInvalidArgument, "表头中的列“%s”无法识别，可用的列：%s（用英文逗号分隔）", cell, strings.Join(columns, ","))
		}
		if slices.Contains(f.header, column) {
			return task.Errorf(task.CodeInvalidArgument, "表头中的列 %s 重复", column)
		}
		f.header = append(f.header, column)
	}
	if !slices.Contains(f.header, columnCode) {
		return task.Errorf(task.CodeInvalidArgument, "表头缺少列 %s，第一行应为：%s", columnCode, strings.Join(columns, ","))
	}
	return nil
}

func (f *reader) readRow(line int, row []string) {
	for i, cell := range row {
		row[i] = strings.TrimSpace(undefuse(strings.TrimSpace(cell)))
	}
	if !slices.ContainsFunc(row, func(cell string) bool { return cell != "" }) {
		return
	}
	if len(row) != len(f.header) {
		f.reject(line, "有 %d 列，表头有 %d 列", len(row), len(f.header))
		return
	}
	p := task.Package{Enabled: true}
	for i, cell := range row {
		if reason := set(&p, f.header[i], cell); reason != "" {
			f.reject(line, "%s", reason)
			return
		}
	}
	parsed := match.Parse(p.Code)
	if parsed.Prefix == "" {
		f.reject(line, "编码（code）“%s”不能用作编码：它只是层级或符号，不能区分数据包", p.Code)
		return
	}
	if first, ok := f.seen[parsed.Normalized]; ok {
		f.reject(line, "编码（code）“%s”与第 %d 行重复", p.Code, first)
		return
	}
	f.seen[parsed.Normalized] = line
	f.packages = append(f.packages, p)
}

// set sets one column of a package. It returns what is wrong with the cell, ""
// if nothing is.
func set(p *task.Package, column, cell string) (reason string) {
	if strings.ContainsFunc(cell, unicode.IsControl) {
		return fmt.Sprintf("列 %s 含有换行或其他控制字符", column)
	}
	limited := func(to *string, limit int) string {
		if n := utf8.RuneCountInString(cell); n > limit {
			return fmt.Sprintf("列 %s 有 %d 个字符，最多 %d 个", column, n, limit)
		}
		*to = cell
		return ""
	}
	switch column {
	case columnCode:
		if cell == "" {
			return "缺少编码（code）"
		}
		return limited(&p.Code, MaxCodeLength)
	case columnName:
		return limited(&p.Name, MaxNameLength)
	case columnExternalID:
		return limited(&p.ExternalID, MaxExternalIDLength)
	}
	switch strings.ToLower(cell) {
	case "", "true", "1", "是", "启用":
		p.Enabled = true
	case "false", "0", "否", "停用":
		p.Enabled = false
	default:
		return fmt.Sprintf("列 %s 的值“%s”无法识别，可用：true/false、1/0、是/否、启用/停用", column, cell)
	}
	return ""
}
