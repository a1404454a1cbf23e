package api

import (
	"net"
	"strconv"
	"strings"

	"tasksync/task"
)

// CheckAddr returns an error, task.CodeInvalidArgument, unless addr is
// host:port on loopback (localhost, 127.0.0.0/8 or [::1]). The API has no
// access control yet, so that whoever reaches it may start and cancel runs.
func CheckAddr(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return task.Wrap(task.CodeInvalidArgument, err,
			"监听地址 %q 不合法：请写成 主机:端口，例如 127.0.0.1:8080（设置项 TASKSYNC_HTTP_ADDR）", addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return task.Errorf(task.CodeInvalidArgument,
			"监听地址 %q 的端口不合法：必须是 0 到 65535 之间的整数（设置项 TASKSYNC_HTTP_ADDR）", addr)
	}
	if !isLoopback(host) {
		return task.Errorf(task.CodeInvalidArgument,
			"拒绝监听 %q：接口目前没有访问令牌，监听非本机地址会让网络上的任何人都能触发和取消同步。"+
				"请改用本机地址，例如 127.0.0.1:%s（设置项 TASKSYNC_HTTP_ADDR）；"+
				"如需从其他机器访问，请在本机前面放置带身份验证的反向代理，并把它的域名加入 TASKSYNC_ALLOWED_HOSTS", addr, port)
	}
	return nil
}

// isLoopback reports whether host, without a port and without brackets, can
// only be this machine. No other name counts: a foreign page can point a name
// of its own at 127.0.0.1, but it cannot make a browser send an address or
// localhost as Host for it.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
