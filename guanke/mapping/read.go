package mapping

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"
)

// MaxFile is the largest file that is read, in bytes.
const MaxFile = 1 << 20

//go:embed guanke.yaml
var guankeYAML []byte

// DefaultText is the embedded mapping of Guanke's own API, as a starting point
// for others.
func DefaultText() string { return string(guankeYAML) }

// Default is the embedded mapping of Guanke's own API.
var Default = sync.OnceValue(func() *Mapping {
	m, err := Parse("内置", guankeYAML)
	if err != nil {
		panic(err) // A test reads it.
	}
	return m
})

// Load reads the file at path; "" is the embedded mapping. What is wrong with
// the file is an *Error.
func Load(path string) (*Mapping, error) {
	if path == "" {
		return Default(), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("读不到数据源映射文件，请检查 TASKSYNC_SOURCE_MAPPING：%w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("读不到数据源映射文件，请检查 TASKSYNC_SOURCE_MAPPING：%w", err)
	}
	return Parse(path, text)
}

// Parse reads the text of a file. What is wrong with it is an *Error that
// lists everything.
func Parse(file string, text []byte) (*Mapping, error) {
	var r reader
	if len(text) > MaxFile {
		r.wrong(nil, "文件超过 %d 字节，不像是映射文件，请检查 TASKSYNC_SOURCE_MAPPING 指的是哪个文件", MaxFile)
		return nil, report(file, r.problems)
	}
	var doc yaml.Node
	if err := unmarshal(text, &doc); err != nil {
		r.problems = append(r.problems, syntax(err, text))
		return nil, report(file, r.problems)
	}
	if len(doc.Content) == 0 {
		r.wrong(nil, "文件是空的；可以从内置的映射开始改")
		return nil, report(file, r.problems)
	}
	m := &Mapping{File: file}
	r.mapping(m, doc.Content[0])
	if err := report(file, r.problems); err != nil {
		return nil, err
	}
	m.Fingerprint = fingerprint(m)
	return m, nil
}

// unmarshal keeps a panic of the YAML library from ending the process.
func unmarshal(text []byte, doc *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	err = yaml.Load(text, doc, yaml.WithV3Defaults())
	if err != nil && strings.Contains(err.Error(), "no documents in stream") {
		return nil
	}
	return err
}

// syntaxTroubles are what the YAML library says, and what that means.
var syntaxTroubles = [...]struct{ says, means string }{
	{"mapping values are not allowed", "一个值里有冒号加空格：把整个值放进单引号；或者上一行的缩进、冒号不对"},
	{"cannot start any token", "这里的字符不能用：缩进只能用空格，不能用制表符（Tab）；以 @、`、% 开头的值要放进单引号"},
	{"did not find expected key", "缩进不对，同一级的键要对齐；或者引号、括号没有配对"},
	{"could not find expected ':'", "这一行少了冒号加空格（键: 值）"},
	{"control characters are not allowed", "这不是文本文件"},
	{"expected single document", "文件里有不止一个文档（---），请只留一个"},
}

var wideColon = regexp.MustCompile(`(?m)^[ \t]*(?:- )?[A-Za-z_]+：`)

// syntax says where text is no YAML and what is wrong there.
func syntax(err error, text []byte) Problem {
	var all *yaml.LoadErrors
	var one *yaml.LoadError
	if errors.As(err, &all) && len(all.Errors) > 0 {
		one = all.Errors[0]
	} else if !errors.As(err, &one) {
		return Problem{Line: 1, Column: 1, Text: "不是有效的 YAML：" + err.Error()}
	}
	out := Problem{
		Line: max(one.Mark.Line, 1), Column: max(one.Mark.Column, 1),
		Text: "不是有效的 YAML，请检查缩进、冒号和引号：" + one.Message,
	}
	for _, t := range syntaxTroubles {
		if strings.Contains(one.Message, t.says) {
			out.Text = "不是有效的 YAML：" + t.means
		}
	}
	if at := wideColon.FindIndex(text); at != nil {
		out.Line, out.Column = 1+bytes.Count(text[:at[0]], []byte("\n")), 1
		out.Text = "不是有效的 YAML：键后面是中文冒号，请改成英文冒号加空格"
	}
	return out
}

// mapping reads the whole file.
func (r *reader) mapping(m *Mapping, n *yaml.Node) {
	o := r.object(n, "")
	if o == nil {
		return
	}
	defer o.done()
	if v := o.required("version", "请写 version: "+version); v != nil && v.Value != version {
		r.wrong(v, "version 的值 %s 不对，这个程序只认得 %s", quoted(v.Value), version)
	}
	if m.Name = o.text("name"); m.Name == "" {
		m.Name = strings.TrimSuffix(filepath.Base(m.File), filepath.Ext(m.File))
	}
	m.Zone = o.zone("zone")
	m.Headers = o.params("headers", InHeader, false)
	m.Envelope = o.envelope("envelope")
	m.HTTP = o.http("http")
	o.auth(m)
	o.listRequest(m)
	o.fields(m)
	for _, item := range o.list("ignore") {
		if e := o.compile(item, "ignore"); e == nil {
			continue
		} else if len(e.Paths) != 1 || len(e.Paths[0]) == 0 {
			r.wrong(item, "ignore 里的 %s 应为一个路径，例如 .remark", quoted(e.Text))
		} else {
			m.Ignore = append(m.Ignore, e.Paths[0])
		}
	}
}

func (o *object) zone(key string) *time.Location {
	name := o.text(key)
	if name == "" {
		name = "Asia/Shanghai"
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		o.wrong(o.values[key], "%s 的值 %s 不是时区名称，例如 Asia/Shanghai、UTC", o.at(key), quoted(name))
		return time.UTC
	}
	return zone
}

// fingerprint covers what a cursor depends on.
func fingerprint(m *Mapping) string {
	l := &m.List
	window := "none"
	if w := l.Window; w != nil {
		window = fmt.Sprintf("%+v", *w)
	}
	text := func(e *Expr) string {
		if e == nil {
			return ""
		}
		return e.Text
	}
	p := l.Paging
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v|%s|%s|%s %s %d %d %s|%s|%s|%s", l.Request, window, m.Zone,
		p.Style, p.Param, p.First, p.Largest, p.Size, text(p.Next), text(p.HasMore), text(l.Items)))
	return hex.EncodeToString(sum[:4])
}
