package mask_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/guanke/mask"
)

func TestReplacerFindsEveryForm(t *testing.T) {
	t.Parallel()
	const secret = `a/b+c "d" 密?`
	r := mask.Replacer("***", "", secret[:3], secret)
	for name, form := range map[string]string{
		"plain": secret, "query": url.QueryEscape(secret), "path": url.PathEscape(secret), "slashes": strings.ReplaceAll(secret, "/", `\/`),
		"JSON": `a/b+c \"d\" 密?`, "lower case": "a%2fb%2bc+%22d%22+%e5%af%86%3f",
		"base64": base64.StdEncoding.EncodeToString([]byte(secret)), "base64 of URLs": base64.URLEncoding.EncodeToString([]byte(secret)),
	} {
		require.Equal(t, "x ***", strings.TrimRight(r.Replace("x "+form), "="), name)
	}
	require.Equal(t, "nothing", mask.Replacer("***").Replace("nothing"))
	require.Equal(t, "MTI", mask.Replacer("***", "12").Replace("MTI"))
}
