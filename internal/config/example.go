package config

import "strings"

// Example is the text of .env.example: every setting, commented out, with its
// default.
func Example() string {
	var b strings.Builder
	b.WriteString(`# tasksync 的全部设置。由 internal/config 生成（make generate），请不要手工修改。
# 程序只读环境变量，不读 .env 文件。需要时：cp .env.example .env，改好后 set -a; . ./.env; set +a
# 被注释的行显示默认值；留空等于没有设置。
`)
	for _, s := range Settings() {
		if s.Group != "" {
			b.WriteString("\n## " + s.Group + "\n")
		}
		b.WriteString("\n# " + s.Text + "\n# " + s.Name + "=" + quote(s.Default) + "\n")
	}
	b.WriteString(`
## Temporal 自己的设置（完整列表见 Temporal 的 environment configuration 文档）

# Temporal 地址，主机:端口。留空时使用 127.0.0.1:TASKSYNC_TEMPORAL_PORT
# TEMPORAL_ADDRESS=

# 命名空间，默认 default
# TEMPORAL_NAMESPACE=

# API 密钥（设置后自动启用 TLS）
# TEMPORAL_API_KEY=

# 启用 TLS：true 或 false；客户端证书、私钥和服务器 CA 的文件路径
# TEMPORAL_TLS=
# TEMPORAL_TLS_CLIENT_CERT_PATH=
# TEMPORAL_TLS_CLIENT_KEY_PATH=
# TEMPORAL_TLS_SERVER_CA_CERT_PATH=

# 配置文件与其中的 profile；不设置时不读取用户目录下的 temporal.toml
# TEMPORAL_CONFIG_FILE=
# TEMPORAL_PROFILE=
`)
	return b.String()
}

// quote keeps the shell from reading a value as several words.
func quote(value string) string {
	if strings.ContainsAny(value, " *") {
		return "'" + value + "'"
	}
	return value
}
