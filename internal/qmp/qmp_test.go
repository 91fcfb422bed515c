// SPDX-License-Identifier: Apache-2.0

package qmp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

const greeting = `{"QMP":{"version":{"qemu":{"micro":22,"minor":2,"major":7},"package":""},"capabilities":["oob"]}}`

// script plays QEMU's side: it answers each command by name. "%ID" stands for the command's id; an
// answer may be several lines; "" is silence; "close" hangs up.
func script(t *testing.T, hello string, answers map[string]string) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = theirs.Close() })
	go func() {
		defer func() { _ = theirs.Close() }()
		if hello == "" {
			<-t.Context().Done()
			return
		}
		fmt.Fprintln(theirs, hello)
		lines := bufio.NewScanner(theirs)
		for lines.Scan() {
			var r struct{ Execute, ID string }
			if json.Unmarshal(lines.Bytes(), &r) != nil {
				return
			}
			answer, ok := answers[r.Execute]
			if !ok {
				answer = `{"return":{},"id":"%ID"}`
			}
			if answer == "close" {
				return
			}
			if answer != "" {
				fmt.Fprintln(theirs, strings.ReplaceAll(answer, "%ID", r.ID))
			}
		}
	}()
	return ours
}

func dial(t *testing.T, answers map[string]string, onEvent func(Event)) *Client {
	t.Helper()
	c, err := New(t.Context(), script(t, greeting, answers), onEvent)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestExecute(t *testing.T) {
	c := dial(t, map[string]string{"query-uuid": `{"return":{"UUID":"abc"},"id":"%ID"}`}, nil)
	var out struct{ UUID string }
	if err := c.Execute(t.Context(), "query-uuid", nil, &out); err != nil || out.UUID != "abc" {
		t.Fatalf("got %q, %v", out.UUID, err)
	}
}

func TestExecuteRefused(t *testing.T) {
	c := dial(t, map[string]string{"x": `{"error":{"class":"GenericError","desc":"no"},"id":"%ID"}`}, nil)
	var refusal *CommandError
	if err := c.Execute(t.Context(), "x", nil, nil); !errors.As(err, &refusal) || refusal.Command != "x" || refusal.Description != "no" {
		t.Fatalf("got %v", err)
	}
	if err := c.Execute(t.Context(), "y", nil, nil); err != nil {
		t.Fatalf("a refusal must not end the connection: %v", err)
	}
}

func TestLateAnswerIsNotTakenForTheNext(t *testing.T) {
	c := dial(t, map[string]string{
		"slow": "",
		"fast": `{"return":"old","id":"rdd-2"}` + "\n" + `{"return":"new","id":"%ID"}`,
	}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.Execute(ctx, "slow", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	var out string
	if err := c.Execute(t.Context(), "fast", nil, &out); err != nil || out != "new" {
		t.Fatalf("got %q, %v", out, err)
	}
}

func TestEvents(t *testing.T) {
	got := make(chan Event, 1)
	dial := dial(t, map[string]string{
		"x": `{"event":"SHUTDOWN","data":{"guest":true},"timestamp":{"seconds":5,"microseconds":7}}` + "\n" + `{"return":{},"id":"%ID"}`,
	}, func(e Event) { got <- e })
	if err := dial.Execute(t.Context(), "x", nil, nil); err != nil {
		t.Fatal(err)
	}
	if e := <-got; e.Name != "SHUTDOWN" || e.At.Unix() != 5 || string(e.Data) != `{"guest":true}` {
		t.Fatalf("got %+v", e)
	}
}

func TestNoGreetingEndsAtTheDeadline(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := New(ctx, script(t, "", nil), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
}

func TestConnectionEnds(t *testing.T) {
	c := dial(t, map[string]string{"quit": "close"}, nil)
	if err := c.Execute(t.Context(), "quit", nil, nil); !errors.Is(err, errEnded) {
		t.Fatalf("got %v", err)
	}
	<-c.Done()
	if err := c.Execute(t.Context(), "query-status", nil, nil); !errors.Is(err, errEnded) {
		t.Fatalf("got %v", err)
	}
}

func TestMalformed(t *testing.T) {
	for _, tc := range []struct{ name, answer, want string }{
		{"no JSON", "hello", "malformed QMP message"},
		{"truncated", `{"return":`, "malformed QMP message"},
		{"nothing in it", `{"id":"%ID"}`, "neither return, error nor event"},
		{"an array", `[1]`, "malformed QMP message"},
		{"wrong type", `{"return":[1],"id":"%ID"}`, "unexpected answer"},
		{"too long", `{"return":"` + strings.Repeat("x", maxMessage) + `"}`, "longer than"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := dial(t, map[string]string{"x": tc.answer}, nil)
			var out struct{ A string }
			if err := c.Execute(t.Context(), "x", nil, &out); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{greeting, `{"return":{},"id":"rdd-1"}`, `{"error":{"class":"c","desc":"d"},"id":"x"}`,
		`{"event":"STOP","timestamp":{"seconds":1,"microseconds":2}}`, `{"event":1}`, `{"return":null}`, `null`, ``, `{"id":{}}`,
		"{\"event\":\"\xff\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := parse(line)
		if err != nil && !strings.Contains(err.Error(), "malformed QMP message") {
			t.Fatalf("error without its place: %v", err)
		}
		if err == nil {
			_ = r.decode("x", &struct{ A int }{})
		}
	})
}
