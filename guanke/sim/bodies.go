package sim

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"time"
)

const (
	// tricklePiece and tricklePause make a trickle of 20 kB/s.
	tricklePiece = 1 << 10
	tricklePause = 50 * time.Millisecond
	// bombBlock is what one member of a bomb unpacks to, bombBlocks their number.
	bombBlock  = 1 << 20
	bombBlocks = 1 << 10
)

const loginPage = `<!DOCTYPE html><html lang="zh"><head><meta charset="utf-8"><title>请登录</title></head>` +
	`<body><form method="post" action="/login"><input name="username"><input name="password" type="password">` +
	`<button>登录</button></form></body></html>`

// kept is an answer that is kept for spoil.
type kept struct {
	header http.Header
	body   bytes.Buffer
}

func (k *kept) Header() http.Header { return k.header }

func (k *kept) WriteHeader(int) {}

func (k *kept) Write(p []byte) (int, error) { return k.body.Write(p) }

// spoil sends a true answer as one of the Body constants says. A caller that
// goes ends it.
func spoil(w http.ResponseWriter, r *http.Request, kind string, answer []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	half, open := answer[:len(answer)/2], answer[:max(0, bytes.LastIndexByte(answer, '}'))]
	send := func(p []byte) bool {
		_, err := w.Write(p)
		return err == nil && r.Context().Err() == nil
	}
	flush := http.NewResponseController(w).Flush
	switch kind {
	case BodyTrickle:
		trickle(w, r, answer)
	case BodyStall:
		if send(half) && flush() == nil {
			<-r.Context().Done()
		}
	case BodyEndless:
		blanks := bytes.Repeat([]byte(" "), 32<<10)
		for on := send(open); on; {
			on = send(blanks)
		}
	case BodyTruncated:
		send(half)
	case BodyCut:
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		if send(half) && flush() == nil {
			panic(http.ErrAbortHandler)
		}
	case BodyMalformed:
		send(malformed(answer))
	case BodyHTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		send([]byte(loginPage))
	case BodyBomb:
		w.Header().Set("Content-Encoding", "gzip")
		blanks := pack(bytes.Repeat([]byte(" "), bombBlock))
		on := send(pack(open))
		for i := 0; on && i < bombBlocks; i++ {
			on = send(blanks)
		}
		send(pack([]byte("}")))
	case BodyEmpty:
	}
}

func trickle(w http.ResponseWriter, r *http.Request, answer []byte) {
	tick := time.NewTicker(tricklePause)
	defer tick.Stop()
	flush := http.NewResponseController(w).Flush
	for len(answer) > 0 {
		n := min(tricklePiece, len(answer))
		if _, err := w.Write(answer[:n]); err != nil || flush() != nil {
			return
		}
		answer = answer[n:]
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// malformed has a brace for a colon in the middle: between a name and its
// value, never within a text.
func malformed(answer []byte) []byte {
	colon := []byte(`":`)
	at := bytes.Index(answer[len(answer)/2:], colon) + len(answer)/2
	if at < len(answer)/2 {
		at = bytes.LastIndex(answer, colon)
	}
	out := bytes.Clone(answer)
	if at >= 0 {
		out[at+1] = '}'
	}
	return out
}

// pack is one gzip member; several in a row unpack to what they hold together.
func pack(p []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	// A buffer takes everything.
	_, _ = z.Write(p)
	_ = z.Close()
	return out.Bytes()
}
