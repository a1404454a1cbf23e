package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tasksync/db"
	"tasksync/internal/app"
	"tasksync/internal/packagefile"
	"tasksync/task"
)

func newPackage() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "package",
		Short: "导入、列出数据包",
	}
	cmd.AddCommand(newPackageImport(), newPackageList())
	return cmd
}

func newPackageImport() *cobra.Command {
	var skipBad bool
	cmd := &cobra.Command{
		Use:   "import FILE.csv",
		Short: "从 CSV 导入数据包（列：code,name,external_id,enabled），按 code 新增或更新",
		Long:  "从 CSV 导入数据包。第一行是表头，列为 code,name,external_id,enabled，顺序不限；- 表示标准输入。\n有任何一行不对时不导入，除非加上 --skip-bad。",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			packages, err := readPackages(args[0], skipBad, cmd.InOrStdin(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return withStore(cmd.Context(), func(ctx context.Context, store *db.Store) error {
				created, changed, err := store.SavePackages(ctx, packages)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "导入 %d 个数据包：新增 %d，更新 %d，未变 %d。下一次同步时按它们匹配\n",
					len(packages), created, changed, len(packages)-created-changed)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&skipBad, "skip-bad", false, "跳过不对的行，导入其余的行")
	return cmd
}

func readPackages(path string, skipBad bool, stdin io.Reader, stderr io.Writer) (packages []task.Package, err error) {
	in := stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("打不开 CSV 文件：%w", err)
		}
		defer file.Close()
		in = file
	}
	packages, bad, err := packagefile.Read(in)
	if err != nil {
		return nil, err
	}
	for _, b := range bad {
		fmt.Fprintln(stderr, b.Error())
	}
	if len(bad) > 0 && !skipBad {
		return nil, fmt.Errorf("%d 行不对，没有导入；改正后重试，或加上 --skip-bad 只导入其余 %d 行", len(bad), len(packages))
	}
	return packages, nil
}

func newPackageList() *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "列出数据包",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd.Context(), func(ctx context.Context, store *db.Store) error {
				packages, _, err := store.Packages(ctx)
				if err != nil {
					return err
				}
				if asCSV {
					return packagefile.Write(cmd.OutOrStdout(), packages)
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "编码\t名称\t外部编号\t启用")
				for _, p := range packages {
					enabled := "是"
					if !p.Enabled {
						enabled = "否"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.Code, p.Name, p.ExternalID, enabled)
				}
				return w.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asCSV, "csv", false, "输出 CSV，可以再导入")
	return cmd
}

func withStore(ctx context.Context, do func(context.Context, *db.Store) error) error {
	cfg, _, err := settings()
	if err != nil {
		return err
	}
	store, err := app.OpenStore(ctx, cfg, false)
	if err != nil {
		return err
	}
	defer store.Close()
	return do(ctx, store)
}
