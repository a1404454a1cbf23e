package packagefile

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"tasksync/task"
)

// Write writes packages with a header and without a byte order mark. What Read
// made of a file comes back from it unchanged.
func Write(w io.Writer, packages []task.Package) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return fmt.Errorf("write packages: %w", err)
	}
	for i := range packages {
		p := &packages[i]
		row := []string{defuse(p.Code), defuse(p.Name), defuse(p.ExternalID), strconv.FormatBool(p.Enabled)}
		if err := out.Write(row); err != nil {
			return fmt.Errorf("write packages: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write packages: %w", err)
	}
	return nil
}
