package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

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
