package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// The scopes of Faults.
const (
	ScopeList  = "list"
	ScopeToken = "token"
	ScopeAll   = "all"
)

// Faults say how the source misbehaves. Latency goes with any other fault; of
// Status, Code, ExpiredToken and Reset at most one is set. The zero value is a
// source that works.
//
// As JSON, the fields are latency (a text such as "5s"), status, retry_after,
// code, message, expired_token, reset, times and scope.
type Faults struct {
	// Latency is how long each request waits before anything else happens, at
	// most 10 minutes.
	Latency time.Duration
	// Status is an HTTP status, 400 to 599, that is answered instead.
	Status int
	// RetryAfter is the header of that name in seconds, beside Status or Code.
	RetryAfter int
	// Code is an error code inside HTTP 200, and Message the text beside it,
	// which also goes with Status.
	Code    int
	Message string
	// ExpiredToken answers that the token has expired and makes it so, for
	// good: with Times 1 each caller that had this token must get a new one,
	// with which all is well; with Times 0 no token is ever good.
	ExpiredToken bool
	// Reset breaks the connection off.
	Reset bool
	// Times is how many requests of the scope are hit before the faults end by
	// themselves; 0 is no end.
	Times int
	// Scope is ScopeList (also ""), ScopeToken or ScopeAll.
	Scope string
}

// faultsWire is Faults as JSON.
type faultsWire struct {
	Latency      string `json:"latency,omitempty"`
	Status       int    `json:"status,omitempty"`
	RetryAfter   int    `json:"retry_after,omitempty"`
	Code         int    `json:"code,omitempty"`
	Message      string `json:"message,omitempty"`
	ExpiredToken bool   `json:"expired_token,omitempty"`
	Reset        bool   `json:"reset,omitempty"`
	Times        int    `json:"times,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

// ParseFaults reads Faults from JSON, the body of PUT /_sim/faults and the
// value of TASKSYNC_SIM_FAULTS; "" is none. An error says which field is wrong.
func ParseFaults(s string) (Faults, error) {
	if strings.TrimSpace(s) == "" {
		return Faults{}, nil
	}
	var wire faultsWire
	if err := decodeStrict([]byte(s), &wire); err != nil {
		return Faults{}, fmt.Errorf("故障设置无效：%w；可用的字段是 latency、status、retry_after、code、message、expired_token、reset、times、scope", err)
	}
	f := Faults{
		Status: wire.Status, RetryAfter: wire.RetryAfter, Code: wire.Code, Message: wire.Message,
		ExpiredToken: wire.ExpiredToken, Reset: wire.Reset, Times: wire.Times, Scope: wire.Scope,
	}
	if wire.Latency != "" {
		latency, err := time.ParseDuration(wire.Latency)
		if err != nil {
			return Faults{}, fmt.Errorf("故障设置无效：latency %q 不是时长，应形如 \"5s\" 或 \"300ms\"", wire.Latency)
		}
		f.Latency = latency
	}
	return f, f.validate()
}

// MarshalJSON writes what ParseFaults reads.
func (f Faults) MarshalJSON() ([]byte, error) {
	wire := faultsWire{
		Status: f.Status, RetryAfter: f.RetryAfter, Code: f.Code, Message: f.Message,
		ExpiredToken: f.ExpiredToken, Reset: f.Reset, Times: f.Times, Scope: f.Scope,
	}
	if f.Latency != 0 {
		wire.Latency = f.Latency.String()
	}
	return json.Marshal(wire)
}

// UnmarshalJSON is ParseFaults.
func (f *Faults) UnmarshalJSON(data []byte) (err error) {
	*f, err = ParseFaults(string(data))
	return err
}

func (f Faults) validate() error {
	kinds := 0
	for _, on := range [...]bool{f.Status != 0, f.Code != 0, f.ExpiredToken, f.Reset} {
		if on {
			kinds++
		}
	}
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("故障设置无效："+format, args...)
	}
	switch {
	case f.Latency < 0 || f.Latency > 10*time.Minute:
		return invalid("latency %s 应在 0 到 10m 之间", f.Latency)
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return invalid("status %d 应在 400 到 599 之间", f.Status)
	case f.Code == http.StatusOK:
		return invalid("code 200 表示成功，应为错误码")
	case kinds > 1:
		return invalid("status、code、expired_token、reset 只能设置一个")
	case f.RetryAfter < 0:
		return invalid("retry_after %d 应大于 0（秒）", f.RetryAfter)
	case (f.RetryAfter != 0 || f.Message != "") && f.Status == 0 && f.Code == 0:
		return invalid("retry_after 和 message 要与 status 或 code 一起设置")
	case f.Times < 0:
		return invalid("times %d 应大于 0；0 表示一直有效", f.Times)
	case f.Scope != "" && f.Scope != ScopeList && f.Scope != ScopeToken && f.Scope != ScopeAll:
		return invalid("scope %q 应为 list、token 或 all", f.Scope)
	case f.ExpiredToken && f.Scope != "" && f.Scope != ScopeList:
		return invalid("expired_token 只用于 scope list")
	}
	return nil
}

// active reports whether anything is wrong at all.
func (f Faults) active() bool {
	return f.Latency != 0 || f.Status != 0 || f.Code != 0 || f.ExpiredToken || f.Reset
}

func (f Faults) hits(scope string) bool {
	return f.active() && (f.Scope == scope || f.Scope == ScopeAll || f.Scope == "" && scope == ScopeList)
}

// decodeStrict refuses unknown fields and anything behind the object.
func decodeStrict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		var wrong *json.UnmarshalTypeError
		switch {
		case errors.As(err, &wrong):
			return fmt.Errorf("%s 的类型不对，不能是 %s", wrong.Field, wrong.Value)
		case strings.HasPrefix(err.Error(), "json: unknown field "):
			return fmt.Errorf("没有字段 %s", strings.TrimPrefix(err.Error(), "json: unknown field "))
		}
		return errors.New("不是有效的 JSON 对象")
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("JSON 对象后面还有别的内容")
	}
	return nil
}
