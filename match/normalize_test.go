package match_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"tasksync/match"
)

func TestNormalize(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want string }{
		"empty":                    {"", ""},
		"already normal":           {"某市-1014-高中-10000", "某市-1014-高中-10000"},
		"lower case":               {"某市-1014-O1-A-L3", "某市-1014-o1-a-l3"},
		"full-width":               {"某市－１０１４－高中－Ｏ１－Ａ＋", "某市-1014-高中-o1-a+"},
		"every kind of dash":       {"a‐b‑c‒d–e—f―g−h﹘i﹣j－k⸺l", "a-b-c-d-e-f-g-h-i-j-k-l"},
		"tildes are not dashes":    {"a~b〜c〰d", "a~b〜c〰d"},
		"doubled hyphens stay":     {"O1-A--L3", "o1-a--l3"},
		"spaces around hyphens":    {"  某市 -\t1014　-　高中 \n", "某市-1014-高中"},
		"spaces inside":            {"某市  A 1014", "某市 a 1014"},
		"only white space":         {" \t　 ", ""},
		"zero width":               {"某\u200b市\ufeff-10\u200d14\u2060", "某市-1014"},
		"control characters":       {"某市\x00-\x1b1014\u0085", "某市-1014"},
		"accent across zero width": {"e\u200b\u0301", "é"},
		"ligature and half-width":  {"ﬁｶﾞ", "fiガ"},
		"not UTF-8":                {"某\xff市", "某\ufffd市"},
		"cut ideograph":            {"某\xe5\xb8", "某\ufffd\ufffd"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, match.Normalize(tt.in))
		})
	}
}

// normalFormHolds checks what every normal form promises.
func normalFormHolds(t *testing.T, in string) {
	t.Helper()
	n := match.Normalize(in)
	require.Equal(t, n, match.Normalize(n), "not idempotent for %+q", in)
	require.True(t, utf8.ValidString(n), "%+q", in)
	require.Equal(t, strings.TrimSpace(n), n, "%+q", in)
	for _, bad := range []string{" -", "- ", "  ", "\x00", "\u200b", "—", "－"} {
		require.NotContains(t, n, bad, "%+q", in)
	}
}

func TestNormalizeEveryCharacter(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= 0xe0fff; r++ {
		if r == 0x20000 {
			r = 0xe0000 // the planes between hold ideographs and nothing else
		}
		in := "a" + string(r) + "-" + string(r)
		n := match.Normalize(in)
		if again := match.Normalize(n); again != n {
			require.Equal(t, n, again, "not idempotent for %U", r)
		}
	}
}

func TestNormalizeRandomText(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	alphabet := []rune("aZİẞſéΣ\u0301\u0323\u0307\u200b\u00ad 　\t-—－〜某市１Ａ＋ﬁ각ᄀ\u1161\u11a8゛が\u3099𝐀\U000e0100")
	for range 50_000 {
		in := make([]rune, rng.IntN(12))
		for i := range in {
			in[i] = alphabet[rng.IntN(len(alphabet))]
		}
		normalFormHolds(t, string(in))
	}
}

func TestNormalizeKeepsTheStringThatIsNormal(t *testing.T) {
	name := strings.Clone("某市-1014-高中 a-10000")
	require.Zero(t, testing.AllocsPerRun(100, func() { sink = match.Normalize(name) }))
	name = "某市-1014-高中-10000-O1-A-L3-1018"
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { sink = match.Normalize(name) }), 1.0)
}

var sink string

func FuzzNormalize(f *testing.F) {
	for _, s := range []string{"某市-1014-高中-10000", " A－Ｂ ", "e\u200b\u0301", "\xff\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) { normalFormHolds(t, in) })
}

func BenchmarkNormalize(b *testing.B) {
	for name, in := range map[string]string{
		"normal":     "某市-1014-高中-10000",
		"upper":      "某市-1014-高中-10000-O1-A-L3-1018",
		"full-width": "某市－1014－高中－10000－O1－A－L3－1018",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink = match.Normalize(in)
			}
		})
	}
}
