package api

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/gin-gonic/gin"

	"tasksync/api/apigen"
	"tasksync/task"
)

// validator finds the operation of a request by the path of Gin's route.
type validator struct {
	spec  *openapi3.T
	paths map[string]string
}

func newValidator() (*validator, error) {
	spec, err := apigen.GetSpec()
	if err != nil {
		return nil, fmt.Errorf("read the embedded openapi.yaml: %w", err)
	}
	v := &validator{spec: spec, paths: make(map[string]string, spec.Paths.Len())}
	for path := range spec.Paths.Map() {
		// {id} in the document is :id in Gin.
		v.paths[strings.NewReplacer("{", ":", "}", "").Replace(path)] = path
	}
	return v, nil
}

// check returns a task.Error, code invalid_argument, that names the parameter
// which is wrong. route is Gin's path; an unknown one passes. Unknown
// parameters pass too.
func (v *validator) check(r *http.Request, route string, pathParams map[string]string) error {
	path, ok := v.paths[route]
	if !ok {
		return nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return task.Wrap(task.CodeInvalidArgument, err, "查询参数的写法不合法：请检查 %% 转义与分隔符")
	}
	item := v.spec.Paths.Value(path)
	operation := item.GetOperation(r.Method)
	for _, p := range operation.Parameters {
		if p.Value.In == openapi3.ParameterInQuery && len(query[p.Value.Name]) > 1 {
			return task.Errorf(task.CodeInvalidArgument, "参数 %s 不合法：只能出现一次", p.Value.Name)
		}
	}
	err = openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
		Request:     r,
		PathParams:  pathParams,
		QueryParams: query,
		Route:       &routers.Route{Spec: v.spec, Path: path, PathItem: item, Method: r.Method, Operation: operation},
		Options:     &openapi3filter.Options{SkipSettingDefaults: true},
	})
	if err != nil {
		return badRequest(err)
	}
	return nil
}

func (s *server) validate(v *validator) gin.HandlerFunc {
	return func(c *gin.Context) {
		params := make(map[string]string, len(c.Params))
		for _, p := range c.Params {
			params[p.Key] = p.Value
		}
		if err := v.check(c.Request, c.FullPath(), params); err != nil {
			s.fail(c, err)
		}
	}
}

// badRequest turns a refusal of the validator into words: which parameter, and
// what it may be.
func badRequest(err error) error {
	var refusal *openapi3filter.RequestError
	if errors.As(err, &refusal) && refusal.Parameter != nil {
		return task.Wrap(task.CodeInvalidArgument, err, "参数 %s 不合法：%s",
			refusal.Parameter.Name, rule(refusal.Parameter.Schema.Value))
	}
	return task.Wrap(task.CodeInvalidArgument, err, "请求不合法，请对照接口文档检查")
}

// rule says what a schema allows.
func rule(schema *openapi3.Schema) string {
	switch {
	case len(schema.Enum) > 0:
		values := make([]string, len(schema.Enum))
		for i, value := range schema.Enum {
			values[i] = fmt.Sprint(value)
		}
		return "只能是 " + strings.Join(values, " 或 ")
	case schema.Type.Is(openapi3.TypeBoolean):
		return "只能是 true 或 false"
	case schema.Type.Is(openapi3.TypeInteger):
		return integerRule(schema)
	}
	return "请对照接口文档检查"
}

func integerRule(schema *openapi3.Schema) string {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	if schema.Format == "int32" {
		low, high = math.MinInt32, math.MaxInt32
	}
	if schema.Min != nil {
		low = int64(*schema.Min)
	}
	if schema.Max != nil {
		high = int64(*schema.Max)
	}
	return fmt.Sprintf("必须是 %d 到 %d 之间的整数", low, high)
}
