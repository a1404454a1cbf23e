package guanke

import (
	"bytes"
	"sync"
)

// keptBuffer is the largest buffer, in bytes, that waits for the next answer.
const keptBuffer = 4 << 20

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func takeBuffer() *bytes.Buffer { return buffers.Get().(*bytes.Buffer) }

// releaseBuffer gives buf back. Nothing may hold on to its bytes.
func releaseBuffer(buf *bytes.Buffer) {
	if buf.Cap() > keptBuffer {
		return
	}
	buf.Reset()
	buffers.Put(buf)
}
