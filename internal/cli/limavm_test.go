// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/explain"
	"rancherdesktop.io/rdd/internal/vm/template"
)

func TestReadTemplate(t *testing.T) {
	dir := t.TempDir()
	path, empty, large := filepath.Join(dir, "t.yaml"), filepath.Join(dir, "empty.yaml"), filepath.Join(dir, "large.yaml")
	for file, text := range map[string]string{path: "cpus: 1\n", empty: "", large: strings.Repeat("#", maxTemplate+1)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/t.yaml":
			_, _ = io.WriteString(w, "cpus: 2\n")
		case "/moved":
			http.Redirect(w, r, "/t.yaml", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	for _, tt := range []struct{ name, stdin, want, err string }{
		{name: "config-map"},
		{name: "dev.yaml"}, // names of ConfigMaps may hold dots
		{name: path, want: "cpus: 1\n"},
		{name: empty, err: "reading the template " + empty + ": it is empty"},
		{name: large, err: "it is larger than 1048576 bytes"},
		{name: filepath.Join(dir, "none"), err: "no such file"},
		{name: dir + "/", err: "is a directory"},
		{name: "-", stdin: "cpus: 3\n", want: "cpus: 3\n"},
		{name: "-", err: "reading the template from standard input: it is empty"},
		{name: server.URL + "/t.yaml", want: "cpus: 2\n"},
		{name: server.URL + "/moved", want: "cpus: 2\n"},
		{name: server.URL + "/none", err: "the server answers 404"},
		{name: "http://127.0.0.1:1/t.yaml", err: "connection refused"},
		{name: "ftp://example.com/t.yaml", err: "only http and https URLs"},
		{name: "http://%zz/", err: "invalid URL escape"},
	} {
		r := &root{streams: streams{in: strings.NewReader(tt.stdin)}}
		got, err := r.readTemplate(t.Context(), tt.name, nil)
		if string(got) != tt.want || (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %q, %v", tt.name, got, err)
		}
	}
}

func TestFileHint(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("dev.yaml", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("no such ConfigMap")
	if err := fileHint("dev.yaml", refused); !errors.Is(err, refused) || !strings.Contains(err.Error(), "./dev.yaml") {
		t.Errorf("got %v", err)
	}
	if err := fileHint("other", refused); err != refused { //nolint:errorlint // unchanged
		t.Errorf("got %v", err)
	}
}

func TestParseParams(t *testing.T) {
	value := func(s string) *string { return &s }
	for _, tt := range []struct {
		args []string
		want map[string]*string
		err  string
	}{
		{want: map[string]*string{}},
		{args: []string{"a=1", "b=", "c=x=y"}, want: map[string]*string{"a": value("1"), "b": nil, "c": value("x=y")}},
		{args: []string{"a"}, err: `parameter "a": want NAME=VALUE`},
		{args: []string{"=1"}, err: "want NAME=VALUE"},
		{args: []string{"a=1", "a=2"}, err: `parameter "a" is given twice`},
	} {
		got, err := parseParams(tt.args)
		if !reflect.DeepEqual(got, tt.want) || (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%q: got %v, %v", tt.args, got, err)
		}
	}
	if got, err := createParams([]string{"a=1", "b="}); err != nil || !reflect.DeepEqual(got, map[string]string{"a": "1"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := createParams(nil); got != nil || err != nil {
		t.Errorf("without params: %v, %v", got, err)
	}
}

func TestReadParams(t *testing.T) {
	data := []byte("images: [{location: \"rdd:docker\"}]\nparam: {user: jo, size: \"3\"}\nenv: {A: \"{{.Param.user}}{{.Param.size}}\"}\n")
	got, err := readParams(data, map[string]string{"size": "4"})
	if err != nil {
		t.Fatal(err)
	}
	want := []paramReport{{Name: "size", Value: "4", Default: "3", Set: true}, {Name: "user", Value: "jo", Default: "jo"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := readParams([]byte("arch: cray-1\n"), nil); err == nil {
		t.Error("an invalid template has parameters")
	}
}

func TestVMPatch(t *testing.T) {
	no, value := false, "v"
	for _, tt := range []struct {
		patch vmPatch
		want  string
	}{
		{vmPatch{}, `{}`},
		{vmPatch{running: &no}, `{"spec":{"running":false}}`},
		{vmPatch{annotation: "a/b", value: "1"}, `{"metadata":{"annotations":{"a/b":"1"}}}`},
		{vmPatch{running: &no, annotation: "a/b", value: "1"}, `{"metadata":{"annotations":{"a/b":"1"}},"spec":{"running":false}}`},
		{vmPatch{params: map[string]*string{"k": &value, "gone": nil}}, `{"spec":{"params":{"gone":null,"k":"v"}}}`},
	} {
		if got, err := tt.patch.merge(); err != nil || string(got) != tt.want {
			t.Errorf("got %s, %v, want %s", got, err, tt.want)
		}
	}
}

// vmIn makes a LimaVM of generation 2 for judges.
func vmIn(running bool, status limav1.LimaVMStatus, conditions ...metav1.Condition) *limav1.LimaVM {
	status.Conditions = conditions
	return &limav1.LimaVM{
		ObjectMeta: metav1.ObjectMeta{Name: "dev", Generation: 2},
		Spec:       limav1.LimaVMSpec{Running: running}, Status: status,
	}
}

func TestJudges(t *testing.T) {
	made := condition(limav1.ConditionCreated, metav1.ConditionTrue, limav1.ReasonCreated, "")
	up := condition(limav1.ConditionRunning, metav1.ConditionTrue, limav1.ReasonStarted, "")
	down := condition(limav1.ConditionRunning, metav1.ConditionFalse, limav1.ReasonStopped, "")
	starting := condition(limav1.ConditionRunning, metav1.ConditionFalse, limav1.ReasonStarting, "booting")
	failed := condition(limav1.ConditionRunning, metav1.ConditionFalse, limav1.ReasonStartFailed, "boom")
	refused := condition(limav1.ConditionCreated, metav1.ConditionFalse, limav1.ReasonCreateFailed, "field `disk`")
	old := up
	old.ObservedGeneration = 1
	type status = limav1.LimaVMStatus
	moved := func(vm *limav1.LimaVM) bool { return vm.Status.ObservedTemplateHash == "new" }
	for _, tt := range []struct {
		name  string
		judge judge
		vm    *limav1.LimaVM
		want  verdict
		err   string
	}{
		{"restarted", restartedJudge("r", 3), vmIn(true, status{LastRestartRequest: "r", RestartCount: 4}, made, up), verdict{done: true}, ""},
		{"restart unheard", restartedJudge("r", 3), vmIn(true, status{RestartCount: 3}, made, up), verdict{why: "waiting for the LimaVM controller", unseen: true}, ""},
		{"restart heard", restartedJudge("r", 3), vmIn(true, status{LastRestartRequest: "r", RestartNeeded: true, RestartCount: 3}, made, up), verdict{why: "waiting for the restart"}, ""},
		{"not counted yet", restartedJudge("r", 3), vmIn(true, status{LastRestartRequest: "r", RestartCount: 3}, made, up), verdict{why: "waiting for the restart"}, ""},
		{"restarting", restartedJudge("r", 3), vmIn(true, status{LastRestartRequest: "r", RestartCount: 3}, made, starting), verdict{why: "booting"}, ""},
		{"restart fails", restartedJudge("r", 3), vmIn(true, status{LastRestartRequest: "r", RestartCount: 3}, made, failed), verdict{why: "boom", failed: "StartFailed: boom"}, ""},
		{"stopped meanwhile", restartedJudge("r", 3), vmIn(false, status{LastRestartRequest: "r"}, made, down), verdict{}, "its spec.running is false now"},

		{"taken up", takenUp(moved), vmIn(true, status{ObservedTemplateHash: "new"}, made, up), verdict{done: true}, ""},
		{"taken up, stopped", takenUp(moved), vmIn(false, status{ObservedTemplateHash: "new"}, made, down), verdict{done: true}, ""},
		{"not taken up", takenUp(moved), vmIn(true, status{ObservedTemplateHash: "old"}, made, up), verdict{why: "waiting for the LimaVM controller", unseen: true}, ""},
		{"refused by the engine", takenUp(moved), vmIn(true, status{ObservedTemplateHash: "old"}, refused, up), verdict{why: "field `disk`", failed: "CreateFailed: field `disk`"}, ""},
		{"fails to start with it", takenUp(moved), vmIn(true, status{ObservedTemplateHash: "old"}, made, failed), verdict{why: "boom", failed: "StartFailed: boom"}, ""},
		{"not looked at", takenUp(moved), vmIn(true, status{ObservedTemplateHash: "new"}, made, old), verdict{why: "waiting for the LimaVM controller", unseen: true}, ""},

		{"adopted", adoptedJudge(), vmIn(false, status{}), verdict{done: true}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.judge(tt.vm)
			if got != tt.want || (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
	claiming := vmIn(false, status{})
	claiming.Annotations = map[string]string{limav1.AnnotationAdoptFrom: "u"}
	if got, err := adoptedJudge()(claiming); got.done || err != nil {
		t.Errorf("while it is being adopted: %+v, %v", got, err)
	}
	if _, err := takenUp(moved)(nil); err == nil {
		t.Error("a wait for a LimaVM that is gone goes on")
	}
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, "y": true, "\n": false, "n\n": false, "": false, "yesterday\n": false} {
		if got := readYes(strings.NewReader(answer)) == nil; got != want {
			t.Errorf("%q: goes on %t, want %t", answer, got, want)
		}
	}
	r := &root{streams: streams{in: strings.NewReader("y\n"), err: io.Discard}}
	if err := r.confirm("It is lost", false); err == nil || !strings.Contains(err.Error(), "It is lost; to do it without being asked: --yes") {
		t.Errorf("without a terminal: %v", err)
	}
	if err := r.confirm("It is lost", true); err != nil {
		t.Error(err)
	}
}

func TestUnclaimedDirectories(t *testing.T) {
	home := t.TempDir()
	for name, record := range map[string]string{
		"rd":  `{"engine":"qemu","owner":{"uid":"1","namespace":"default","name":"rd"}}`,
		"old": `{"engine":"qemu","owner":{"uid":"2","namespace":"work","name":"old"}}`, "foreign": "", "damaged": "{", ".staging": "", "_config": "",
	} {
		if err := os.Mkdir(filepath.Join(home, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if record == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(home, name, "rdd.json"), []byte(record), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := unclaimed(home, []limav1.LimaVM{{ObjectMeta: metav1.ObjectMeta{UID: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []unclaimedReport{
		{Name: "damaged", Dir: filepath.Join(home, "damaged"), Damaged: true},
		{Name: "foreign", Dir: filepath.Join(home, "foreign")},
		{Name: "old", Dir: filepath.Join(home, "old"), Owner: "work/old"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for i, says := range []string{"rm -r '" + want[0].Dir, "leaves it alone", "rdd limavm adopt old; to remove it with its disk: rdd limavm delete old --unclaimed"} {
		if text := got[i].text(); !strings.Contains(text, says) {
			t.Errorf("%q does not say %q", text, says)
		}
	}
	if got, err := unclaimed(filepath.Join(home, "none"), nil); got != nil || err != nil {
		t.Errorf("without a directory: %v, %v", got, err)
	}
}

func TestStatusTable(t *testing.T) {
	now := time.Unix(10000, 0)
	since := metav1.NewTime(now.Add(-90 * time.Second))
	report := statusReport{
		Instance: "2",
		Daemon:   &daemonReport{PID: 7, Port: 6445, Version: "v1", Started: since},
		App:      &appReport{Wanted: "running", State: explain.State{State: "WaitingForLimaVM", Message: "booting", Since: &since}},
		VM: &vmReport{
			Namespace: "default", Name: "rd", State: explain.State{State: "Starting", Message: "booting 2/5", Since: &since}, SSHPort: 40001,
			Accelerator: "tcg", AcceleratorReason: "no KVM", Restarts: 3,
			Deaths:       &explain.Deaths{Count: 2, Last: metav1.NewTime(now.Add(-20 * time.Second)), Cause: "QEMU ended\nwith 1"},
			PortForwards: []limav1.PortForward{{Protocol: "tcp", Host: "127.0.0.1:80", Guest: "127.0.0.1:80", Error: "address already in use"}, {Protocol: "udp", Host: "127.0.0.1:53", Guest: "127.0.0.1:53"}},
		},
		Docker: &dockerReport{Socket: "/h/.rd2/docker.sock"},
		OtherVMs: []vmReport{
			{Namespace: "work", Name: "dev", State: explain.State{State: "Started", Since: &since}, RestartNeeded: true},
			{
				Namespace: "work", Name: "dies", State: explain.State{State: "Starting", Message: "it ended by itself: boom", Since: &since},
				Deaths: &explain.Deaths{Count: 1, Last: since, Cause: "boom"},
			},
		},
		Unclaimed: []unclaimedReport{{Name: "x", Dir: "/l/x"}},
	}
	var out strings.Builder
	if err := outputFlag("table").print(&out, report, func(w io.Writer) { report.table(w, now) }); err != nil {
		t.Fatal(err)
	}
	want := `Daemon        running for 90s (pid 7, port 6445, version v1, instance 2)
App           wanted running; WaitingForLimaVM for 90s: booting
              what is in the way: rdd why
VM            default/rd Starting: booting 2/5 for 90s; ended by itself 2 times lately, the last time 20s ago: QEMU ended …
SSH           127.0.0.1:40001 (rdd shell)
Accelerator   tcg: no KVM
Starts        3
Port          127.0.0.1:80 does not lead to 127.0.0.1:80 in the guest: address already in use
Port          127.0.0.1:53 (udp) leads to 127.0.0.1:53 in the guest
Docker        unix:///h/.rd2/docker.sock does not answer
Other VM      work/dev Running for 90s; to be restarted
Other VM      work/dies Starting for 90s; ended by itself once lately, the last time 90s ago: boom
Unclaimed     /l/x: rdd did not make it and leaves it alone
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestListTable(t *testing.T) {
	now := time.Unix(10000, 0)
	since := metav1.NewTime(now.Add(-12 * time.Second))
	machines := []listed{
		{vmReport{
			Namespace: "default", Name: "dev", Wanted: "running", State: explain.State{State: "Starting", Message: "booting 2/5", Since: &since},
			Restarts: 1, SSHPort: 40001, Accelerator: "tcg", PortForwards: []limav1.PortForward{{Host: "127.0.0.1:80", Guest: "127.0.0.1:80", Error: "busy"}},
		}, now.Add(-time.Hour)},
		{vmReport{Namespace: "work", Name: "off", Wanted: "stopped", State: explain.State{State: "Stopped", Since: &since}}, now.Add(-time.Minute)},
	}
	for wide, want := range map[bool]string{
		false: `NAMESPACE   NAME   WANTED    SSH     STARTS   AGE   DOING
default     dev    running   40001   1        60m   Starting: booting 2/5 for 12s
work        off    stopped   -       0        60s   Stopped for 12s
`,
		true: `NAMESPACE   NAME   WANTED    SSH     STARTS   AGE   ACCEL   PORTS                         DOING
default     dev    running   40001   1        60m   tcg     127.0.0.1:80->127.0.0.1:80!   Starting: booting 2/5 for 12s
work        off    stopped   -       0        60s   -       -                             Stopped for 12s
`,
	} {
		var out strings.Builder
		if err := outputFlag("table").print(&out, nil, func(w io.Writer) { listTable(w, machines, now, wide) }); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("wide %t: got\n%s\nwant\n%s", wide, out.String(), want)
		}
	}
}

func TestListFormat(t *testing.T) {
	for _, tt := range []struct {
		value string
		want  outputFlag
		wide  bool
		err   bool
	}{{"wide", "table", true, false}, {"json", "json", false, false}, {"table", "table", false, false}, {"xml", "table", false, true}} {
		f := &listFormat{outputFlag: "table"}
		if err := f.Set(tt.value); (err != nil) != tt.err || f.outputFlag != tt.want || f.wide != tt.wide {
			t.Errorf("%s: got %v, %v", tt.value, *f, err)
		}
	}
}

func TestGuestEnvironment(t *testing.T) {
	for _, tt := range []struct{ env, want map[string]string }{
		{map[string]string{}, map[string]string{}},
		{map[string]string{"LANG": "de_DE.UTF-8"}, map[string]string{"LANG": "C.UTF-8"}},
		{map[string]string{"LANG": "C.utf8"}, map[string]string{"LANG": "C.UTF-8"}},
		{map[string]string{"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, map[string]string{}},
		{map[string]string{"LANG": "de_DE.ISO-8859-1", "LC_CTYPE": "en_US.UTF-8"}, map[string]string{"LANG": "C.UTF-8"}},
		{map[string]string{"COLORTERM": "truecolor", "SECRET": "x"}, map[string]string{"COLORTERM": "truecolor"}},
	} {
		if got := guestEnvironment(func(name string) string { return tt.env[name] }); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v gives %v, want %v", tt.env, got, tt.want)
		}
	}
}

func TestMountedAt(t *testing.T) {
	mounts := []template.Mount{{Location: "/home/jo", MountPoint: "/home/jo"}, {Location: "/home/jo/src", MountPoint: "/src"}, {Location: "/tmp/lima", MountPoint: "/tmp/lima"}}
	for dir, want := range map[string]string{
		"/home/jo": "/home/jo", "/home/jo/a/b": "/home/jo/a/b", "/home/jo/src": "/src", "/home/jo/src/x": "/src/x", "/home/jom": "", "/": "", "/tmp/lima/..x": "/tmp/lima/..x",
	} {
		if got := mountedAt(dir, mounts); got != want {
			t.Errorf("%s is mounted at %q, want %q", dir, got, want)
		}
	}
}

func TestBeginIn(t *testing.T) {
	r := &root{}
	for _, tt := range []struct{ dir, want string }{{"/a b", "cd '/a b' || exit 1\n"}, {"", ""}} {
		if got := r.beginIn(shellOptions{name: "no-such-vm", workdir: tt.dir}); got != tt.want {
			t.Errorf("%q: got %q", tt.dir, got)
		}
	}
	for _, tt := range []struct {
		args []string
		want string
	}{{nil, `exec "$SHELL" -l`}, {[]string{"ls; pwd"}, "ls; pwd"}, {[]string{"echo", "a  b"}, "'echo' 'a  b'"}} {
		if got := lineOf(guestCommand(tt.args)); got != tt.want {
			t.Errorf("%q: got %q", tt.args, got)
		}
	}
}

func TestExitOf(t *testing.T) {
	for cause, want := range map[string]int{"terminated signal received": 143, "interrupt signal received": 130, "context canceled": 130} {
		if got := exitOf(errors.New(cause)); got != want {
			t.Errorf("%s: %d, want %d", cause, got, want)
		}
	}
}

func TestWhyText(t *testing.T) {
	at := metav1.NewTime(time.Date(2031, 5, 6, 7, 8, 9, 0, time.Local))
	report := whyReport{Cause: explain.Cause{Summary: "It does not start.", Detail: []string{"line"}, Next: "rdd start"}}
	for i := range shownEntries + 2 {
		report.Timeline = append(report.Timeline, explain.Entry{Time: at, Kind: explain.KindEvent, Warning: i%2 == 1, Text: fmt.Sprint("entry ", i)})
	}
	var out strings.Builder
	report.text(&out, false)
	want := "It does not start.\n  line\nNext: rdd start\n\n(2 earlier entries; to see them: --all)\n2031-05-06\n07:08:09  event      entry 2\n07:08:09 !event      entry 3\n"
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("got\n%s", out.String())
	}
	out.Reset()
	report.text(&out, true)
	if !strings.Contains(out.String(), "entry 0\n") {
		t.Errorf("--all leaves out entries:\n%s", out.String())
	}
	data, err := json.Marshal(report)
	if err != nil || !bytes.Contains(data, []byte(`"timeline":[{"time":`)) {
		t.Errorf("as JSON: %s, %v", data, err)
	}
}

func TestGatherWithoutAnything(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "RDD_INSTANCE"} {
		t.Setenv(name, "")
	}
	facts, err := (&root{}).gather(context.Background(), "")
	if err != nil || explain.Find(*facts).Code != explain.CodeNoInstance {
		t.Errorf("got %v, %v", facts, err)
	}
	if _, err := (&root{}).gather(context.Background(), "../etc"); err == nil {
		t.Error("a name that leads elsewhere is looked at")
	}
}

func TestPhases(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ha.stdout.log")
	lines := `{"time":"2031-01-01T00:00:00Z","status":{},"phase":"Starting","progress":{"step":"booting","index":2,"total":5,"since":"2031-01-01T00:00:00Z"}}
{"time":"2031-01-01T00:00:01Z","status":{},"phase":"Starting","progress":{"step":"booting","index":2,"total":5,"since":"2031-01-01T00:00:00Z"}}
garbage
{"time":"2031-01-01T00:01:00Z","status":{"running":true},"phase":"Running"}
{"time":"2031-01-01T00:02:00Z","status":{"exiting":true,"errors":["QEMU ended\nbadly"]},"phase":"Stopped"}
{"time":"2031-01-01T00:03:00Z","phase":"cut o`
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range phases(path) {
		got = append(got, p.Time.UTC().Format(time.TimeOnly)+" "+p.Text)
	}
	want := []string{"00:00:00 Starting: booting 2/5", "00:01:00 Running", "00:02:00 Stopped: QEMU ended …"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if phases(filepath.Join(t.TempDir(), "none")) != nil {
		t.Error("a file that does not exist has phases")
	}
}

func TestConsole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "serial.log")
	if err := os.WriteFile(path, []byte("\x1b[2J\x1b[1mone\x1b[0m\r\n\r\n\xfftwo\x07\r\n"+strings.Repeat("x", logTailBytes)+"\nlast: "), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, at := console(path); !slices.Equal(got, []string{"last:"}) || at.IsZero() {
		t.Errorf("got %q", got)
	}
	if err := os.WriteFile(path, []byte("\x1b[2J\x1b[1mone\x1b[0m\r\n\r\n\xfftwo\x07\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, _ := console(path); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("got %q", got)
	}
}

func TestLastErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rdd.log")
	if err := os.WriteFile(path, []byte("time=1 level=INFO msg=ready\ntime=2 level=ERROR msg=\"the store is damaged\"\nError: boom\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := lastErrors(path); !slices.Equal(got, []string{`time=2 level=ERROR msg="the store is damaged"`, "Error: boom"}) {
		t.Errorf("got %q", got)
	}
}
