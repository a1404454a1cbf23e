package worker

import (
	"context"
	"errors"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"tasksync/task"
	"tasksync/workflows"
)

// searchAttributes are the search attributes of runs with their types.
func searchAttributes() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{
		workflows.AttributeType.GetName():     enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AttributeTrigger.GetName():  enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AttributeStatus.GetName():   enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AttributeRecordID.GetName(): enumspb.INDEXED_VALUE_TYPE_INT,
	}
}

// EnsureSearchAttributes registers the search attributes of runs in a namespace
// and makes sure that they are there with their types: an attribute that is
// missing would refuse every start.
func EnsureSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		SearchAttributes: searchAttributes(), Namespace: namespace,
	})
	if err != nil {
		return unregistered(err, namespace)
	}
	missing, wrong, err := CheckSearchAttributes(ctx, c, namespace)
	if err != nil {
		return err
	}
	if bad := append(wrong, missing...); len(bad) > 0 {
		return task.Errorf(task.CodeInvalidArgument,
			"Temporal 命名空间 %s 中的 search attribute 不对：%v。请删除它，或用 TEMPORAL_NAMESPACE 换一个命名空间", namespace, bad)
	}
	return nil
}

// CheckSearchAttributes names the search attributes of runs that a namespace
// lacks, and says which have another type than they should.
func CheckSearchAttributes(ctx context.Context, c client.Client, namespace string) (missing, wrong []string, err error) {
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return nil, nil, unregistered(err, namespace)
	}
	for name, kind := range searchAttributes() {
		switch got, ok := have.GetCustomAttributes()[name]; {
		case !ok:
			missing = append(missing, name)
		case got != kind:
			wrong = append(wrong, name+" 类型是 "+got.String()+"，应为 "+kind.String())
		}
	}
	slices.Sort(missing)
	slices.Sort(wrong)
	return missing, wrong, nil
}

// unregistered says why search attributes could not be registered.
func unregistered(err error, namespace string) error {
	var (
		missing *serviceerror.NamespaceNotFound
		unknown *serviceerror.NotFound
		denied  *serviceerror.PermissionDenied
	)
	switch {
	case errors.As(err, &missing), errors.As(err, &unknown):
		return task.Wrap(task.CodeInvalidArgument, err,
			"Temporal 没有命名空间 %s：请先建立（temporal operator namespace create --namespace %s），或检查 TEMPORAL_NAMESPACE", namespace, namespace)
	case errors.As(err, &denied):
		return task.Wrap(task.CodeInvalidArgument, err,
			"没有权限在 Temporal 命名空间 %s 中登记 search attribute，请由管理员登记 SyncType、SyncTrigger、SyncStatus（Keyword）和 SyncRecordId（Int）", namespace)
	}
	return task.Wrap(task.CodeTemporalUnavailable, err, "连接不到 Temporal，请检查它是否在运行，以及 TEMPORAL_ADDRESS 是否正确")
}
