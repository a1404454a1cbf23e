package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Account is the unprivileged account that the server runs as. The zero value
// means the account of this process.
type Account struct {
	Name string
	UID  uint32
	GID  uint32
}

// Unprivileged is the zero account unless this process is root; then it is
// postgres, or nobody where that does not exist.
func Unprivileged() (Account, error) {
	if os.Geteuid() != 0 {
		return Account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return Account{}, fmt.Errorf("account %s: %w", name, err)
		}
		return Account{Name: name, UID: uint32(uid), GID: uint32(gid)}, nil
	}
	return Account{}, errors.New("PostgreSQL 不能以 root 运行，而系统中既没有 postgres 也没有 nobody 用户：请用普通用户运行，或设置 DATABASE_URL")
}

// Credential is what exec needs to run as the account; nil for the zero value.
func (a Account) Credential() *syscall.Credential {
	if a.Name == "" {
		return nil
	}
	return &syscall.Credential{Uid: a.UID, Gid: a.GID}
}

// Own gives the file or folder to the account; nothing for the zero value.
func (a Account) Own(path string) error {
	if a.Name == "" {
		return nil
	}
	return os.Chown(path, int(a.UID), int(a.GID))
}

// Reaches reports whether the account may enter dir: every folder on the way
// must let it through.
func (a Account) Reaches(dir string) bool {
	if a.Name == "" {
		return true
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	cmd := exec.Command("/bin/sh", "-c", `cd "$1"`, "sh", dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.Credential()}
	return cmd.Run() == nil
}

// Home is where the account's files of the project lie when this process is
// root.
const Home = "/var/lib/tasksync"

// Place answers the installation as the account can run it. Binaries that lie
// where the account may not go, such as under /root, are copied once to Home.
func (i Installation) Place(ctx context.Context, a Account) (Installation, error) {
	if a.Reaches(i.Bin) {
		return i, nil
	}
	if !i.Embedded {
		return i, fmt.Errorf("用户 %s 进不了目录 %s，PostgreSQL 无法以它运行", a.Name, i.Bin)
	}
	native := filepath.Dir(i.Bin)
	out, err := exec.CommandContext(ctx, i.Path("postgres"), "--version").Output()
	if err != nil {
		return i, err
	}
	fields := strings.Fields(string(out))
	dest := filepath.Join(Home, "postgresql-"+fields[len(fields)-1])
	placed := Installation{Bin: filepath.Join(dest, "bin"), Major: i.Major, Embedded: true}
	if _, err := os.Stat(dest); err == nil {
		return placed, nil
	}
	if err := os.MkdirAll(Home, 0o755); err != nil {
		return i, err
	}
	// Copied beside the destination and renamed: whoever comes second finds
	// all of it or nothing.
	temp, err := os.MkdirTemp(Home, ".copy-")
	if err != nil {
		return i, err
	}
	defer os.RemoveAll(temp)
	if err := os.Chmod(temp, 0o755); err != nil {
		return i, err
	}
	if err := os.CopyFS(filepath.Join(temp, "native"), os.DirFS(native)); err != nil {
		return i, fmt.Errorf("copy %s: %w", native, err)
	}
	if err := os.Rename(filepath.Join(temp, "native"), dest); err != nil && !errors.Is(err, fs.ErrExist) &&
		!errors.Is(err, syscall.ENOTEMPTY) {
		return i, err
	}
	return placed, nil
}
