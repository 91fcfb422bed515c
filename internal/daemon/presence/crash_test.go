// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/process"
)

func TestCrashCause(t *testing.T) {
	const info = "I1128 02:00:08.123456   12345 daemon.go:203] \"Store is open\" after=\"1ms\" pid=12345 version=\"v1\"\n"
	for name, test := range map[string]struct{ log, want string }{
		"nothing":          {"", ""},
		"no crash":         {info + "E1128 02:00:08.1 1 a.go:1] \"a panic: in the text\"\n", ""},
		"a hook":           {info + "F1128 02:00:08.1   9 hooks.go:203] PostStartHook \"x\" failed: no\n", `PostStartHook "x" failed: no`},
		"a panic":          {info + "panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n", "panic: boom"},
		"a nested panic":   {"panic: boom [recovered]\n\tpanic: again\n", "panic: boom [recovered]"},
		"the runtime":      {"fatal error: concurrent map writes\n\ngoroutine 7 [running]:\n", "fatal error: concurrent map writes"},
		"no memory":        {"runtime: out of memory: cannot allocate\nfatal error: out of memory\n", "fatal error: out of memory"},
		"a signal":         {"SIGABRT: abort\nPC=0x47\n", "SIGABRT: abort"},
		"the first one":    {"F1128 02:00:08.1 9 a.go:1] first\npanic: second\n", "first"},
		"within a message": {"E1128 02:00:08.1 1 a.go:1] the guest said:\n  panic: of its own\n", ""},
	} {
		if got := CrashCause(test.log); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// TestCrashed: a daemon that did not remove its files has not stopped in order.
func TestCrashed(t *testing.T) {
	inst := instance.Instance{Dir: t.TempDir(), LogDir: t.TempDir()}
	expect := func(what, want string) {
		t.Helper()
		got := strings.Join(Crashed(inst), "\n")
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	expect("no daemon", "")
	write(inst.PIDFile(), "12\n")
	expect("it came as far as the PID file", "the last daemon (process 12) did not stop in order")
	line := func(pid int) string {
		return fmt.Sprintf("I1128 02:00:08.1 %d daemon.go:203] \"Store is open\" after=\"1ms\" pid=%d version=\"v1\"\n", pid, pid)
	}
	write(LogFile(inst), line(11)+"panic: of an earlier one\n"+line(12))
	expect("its log has no cause", "it was killed")
	write(LogFile(inst), line(12)+"panic: boom\n")
	expect("its log has the cause", "crashed: panic: boom")
	jsonLine := func(pid int) string {
		return fmt.Sprintf(`{"time":"2026-11-28T02:00:08Z","level":"info","msg":"Store is open","after":"1ms","pid":%d,"version":"v1"}`+"\n", pid)
	}
	write(LogFile(inst), jsonLine(11)+"panic: of an earlier one\n"+jsonLine(12))
	expect("its log as JSON has no cause", "it was killed")
	write(LogFile(inst), line(11)+"panic: of an earlier one\n"+jsonLine(12)+"F1128 02:00:08.1 12 a.go:1] boom\n")
	expect("its log as JSON has the cause", "crashed: boom")
	record, err := json.Marshal(Record{Process: process.Identity{PID: 13}})
	if err != nil {
		t.Fatal(err)
	}
	write(RecordFile(inst), string(record))
	write(LogFile(inst), "panic: of another one\n"+line(13))
	expect("it was ready", "the last daemon (process 13) did not stop in order")
	for _, text := range []string{"", "garbage", "-1"} {
		write(inst.PIDFile(), text)
		write(RecordFile(inst), text)
		expect("damaged files", "")
	}
}
