package worker_test

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// TestMain runs more tests at a time than there are processors, unless -parallel
// says how many: they mostly wait, for retries after 2, 4 and 8 s above all.
func TestMain(m *testing.M) {
	flag.Parse()
	parallel := flag.Lookup("test.parallel").Value
	if parallel.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		if err := parallel.Set("4"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
