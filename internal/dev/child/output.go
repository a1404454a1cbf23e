package child

import (
	"bytes"
	"strings"
	"sync"

	"gopkg.in/natefinch/lumberjack.v2"
)

const (
	tailLines = 15
	longLine  = 2000
)

// output takes what a child prints: all of it to the log, its last lines into
// memory for an error's text, and the grave ones to the terminal.
type output struct {
	file *lumberjack.Logger
	show Level
	tell func(line string)

	mu      sync.Mutex
	partial []byte
	tail    []string
	muted   bool
}

func newOutput(spec Spec, tell func(line string)) *output {
	return &output{
		file: &lumberjack.Logger{Filename: spec.Log, MaxSize: 20, MaxBackups: 5},
		show: spec.Show, tell: tell, muted: true,
	}
}

// Write never fails for a full disk, which would end the child.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = o.file.Write(p)
	rest := p
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		o.line(string(o.partial) + string(rest[:i]))
		o.partial, rest = o.partial[:0], rest[i+1:]
	}
	if room := longLine - len(o.partial); room > 0 {
		o.partial = append(o.partial, rest[:min(len(rest), room)]...)
	}
	return len(p), nil
}

func (o *output) line(text string) {
	if len(text) > longLine {
		text = strings.ToValidUTF8(text[:longLine], "") + "…"
	}
	o.tail = append(o.tail, text)
	if len(o.tail) > tailLines {
		o.tail = o.tail[1:]
	}
	if level := LevelOf(text); level != Plain && level >= o.show && !o.muted {
		o.tell(text)
	}
}

// mute says whether grave lines are kept from the terminal, as while a child
// starts or ends.
func (o *output) mute(muted bool) {
	o.mu.Lock()
	o.muted = muted
	o.mu.Unlock()
}

// last are the last lines, indented.
func (o *output) last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := o.tail
	if len(o.partial) > 0 {
		lines = append(lines[:len(lines):len(lines)], string(o.partial))
	}
	if len(lines) == 0 {
		return "  （没有输出）"
	}
	return "  " + strings.Join(lines, "\n  ")
}

func (o *output) close() { o.file.Close() }
