package runs

import (
	"context"
	"errors"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/converter"

	"tasksync/task"
)

// translate turns an error of Temporal into a task.Error: CodeNotFound for what
// it does not know, else CodeTemporalUnavailable.
func translate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var (
		notFound *serviceerror.NotFound
		invalid  *serviceerror.InvalidArgument
		already  *task.Error
	)
	switch {
	case errors.As(err, &already):
		return err
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case errors.As(err, &notFound):
		return task.Wrap(task.CodeNotFound, err, "没有找到这次运行")
	case errors.As(err, &invalid) && strings.Contains(strings.ToLower(invalid.Message), "search attribute"):
		return task.Wrap(task.CodeTemporalUnavailable, err, "Temporal 中没有 tasksync 的 search attribute（可能丢失了数据）：worker 会在几秒内重新登记，请稍后再试")
	}
	return task.Wrap(task.CodeTemporalUnavailable, err, "Temporal 暂时不可用，请检查它是否在运行")
}

func decode(payload *commonpb.Payload, into any) bool {
	return converter.GetDefaultDataConverter().FromPayload(payload, into) == nil
}
