// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
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
		r := &session.Session{Streams: session.Streams{In: strings.NewReader(tt.stdin)}}
		got, err := readTemplate(t.Context(), r, tt.name, nil)
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

func TestCreateParams(t *testing.T) {
	if got, err := createParams([]string{"a=1", "b="}); err != nil || !reflect.DeepEqual(got, map[string]string{"a": "1"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := createParams(nil); got != nil || err != nil {
		t.Errorf("without params: %v, %v", got, err)
	}
	if _, err := createParams([]string{"a"}); err == nil || !strings.Contains(err.Error(), `parameter "a": want NAME=VALUE`) {
		t.Errorf("got %v", err)
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
		judge session.Predicate
		vm    *limav1.LimaVM
		want  session.Result
		err   string
	}{
		{"restarted", restartedJudge("r", 3), vmIn(true, status{LastRestartRequest: "r", RestartCount: 4}, made, up), session.Result{Done: true}, ""},
		{"restart unheard", restartedJudge("r", 3), vmIn(true, status{RestartCount: 3}, made, up), session.Result{Why: "waiting for the LimaVM controller", Unseen: true}, ""},
		{"restart heard", restartedJudge("r", 3), vmIn(true, status{LastRestartRequest: "r", RestartNeeded: true, RestartCount: 3}, made, up), session.Result{Why: "waiting for the restart"}, ""},
		{"not counted yet", restartedJudge("r", 3), vmIn(true, status{LastRestartRequest: "r", RestartCount: 3}, made, up), session.Result{Why: "waiting for the restart"}, ""},
		{"restarting", restartedJudge("r", 3), vmIn(true, status{LastRestartRequest: "r", RestartCount: 3}, made, starting), session.Result{Why: "booting"}, ""},
		{"restart fails", restartedJudge("r", 3), vmIn(true, status{LastRestartRequest: "r", RestartCount: 3}, made, failed), session.Result{Why: "boom", Failed: "StartFailed: boom"}, ""},
		{"stopped meanwhile", restartedJudge("r", 3), vmIn(false, status{LastRestartRequest: "r"}, made, down), session.Result{}, "its spec.running is false now"},

		{"taken up", takenUp(moved), vmIn(true, status{ObservedTemplateHash: "new"}, made, up), session.Result{Done: true}, ""},
		{"taken up, stopped", takenUp(moved), vmIn(false, status{ObservedTemplateHash: "new"}, made, down), session.Result{Done: true}, ""},
		{"not taken up", takenUp(moved), vmIn(true, status{ObservedTemplateHash: "old"}, made, up), session.Result{Why: "waiting for the LimaVM controller", Unseen: true}, ""},
		{"refused by the engine", takenUp(moved), vmIn(true, status{ObservedTemplateHash: "old"}, refused, up), session.Result{Why: "field `disk`", Failed: "CreateFailed: field `disk`"}, ""},
		{"fails to start with it", takenUp(moved), vmIn(true, status{ObservedTemplateHash: "old"}, made, failed), session.Result{Why: "boom", Failed: "StartFailed: boom"}, ""},
		{"not looked at", takenUp(moved), vmIn(true, status{ObservedTemplateHash: "new"}, made, old), session.Result{Why: "waiting for the LimaVM controller", Unseen: true}, ""},

		{"adopted", adoptedJudge(), vmIn(false, status{}), session.Result{Done: true}, ""},
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
	if got, err := adoptedJudge()(claiming); got.Done || err != nil {
		t.Errorf("while it is being adopted: %+v, %v", got, err)
	}
	if _, err := takenUp(moved)(nil); err == nil {
		t.Error("a wait for a LimaVM that is gone goes on")
	}
}
