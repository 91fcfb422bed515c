// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// State of a thing.
type State string

const (
	// Applied: it is as rdd makes it.
	Applied State = "applied"
	// NotApplied: it is not there; when it is wanted, Why says the reason.
	NotApplied State = "not applied"
	// Off: it was turned off, or is done on request only.
	Off State = "off"
	// Drifted: rdd made it and somebody has changed it since.
	Drifted State = "drifted"
	// Foreign: somebody else's is in its place.
	Foreign State = "foreign"
	// Damaged: what it is in cannot be read.
	Damaged State = "damaged"
)

// Thing is something that rdd changes on the host, as it is now.
type Thing struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	// Where it is.
	Where string `json:"where"`
	// Before is what was there before rdd.
	Before string `json:"before,omitempty"`
	// Why it is not applied although nothing is wrong.
	Why string `json:"why,omitempty"`
	// Problem is what is wrong; WayOut is what to do about that, or to have it otherwise.
	Problem string `json:"problem,omitempty"`
	WayOut  string `json:"wayOut,omitempty"`
	// Elsewhere says that docker was left with another engine because that one works.
	Elsewhere bool `json:"-"`
}

// Remark is what there is to say about it on one line; empty when there is nothing.
func (t Thing) Remark() string {
	said := cmp.Or(t.Problem, t.Why)
	switch {
	case said == "":
		return ""
	case t.WayOut == "":
		return said
	case t.Problem == "":
		return said + "; to have it otherwise: " + t.WayOut
	default:
		return said + "; " + t.WayOut
	}
}

// List looks at everything. It changes nothing and waits for nobody.
func (h *Host) List() ([]Thing, error) {
	r, err := readRecord(h.Record)
	if err != nil {
		return nil, err
	}
	s := &session{host: h, record: r}
	things := []Thing{s.lookAtContext(), s.lookAtCurrent(), s.lookAtSocket()}
	for i := range things {
		s.explain(&things[i])
	}
	return things, nil
}

// explain adds what went wrong when it was last tried.
func (s *session) explain(t *Thing) {
	i := slices.IndexFunc(s.Problems, func(p Problem) bool { return p.Name == t.Name })
	if i >= 0 && t.Problem == "" && t.State != Applied {
		t.Problem, t.WayOut = s.Problems[i].What, s.Problems[i].WayOut
	}
}

// trouble says what is in the way.
func (t *Thing) trouble(state State, err error) {
	var p *Problem
	if errors.As(err, &p) {
		t.State, t.Problem, t.WayOut = state, p.What, p.WayOut
	} else {
		t.State, t.Problem = state, err.Error()
	}
}

// turnedOff says that it was, and the way back.
func (t *Thing) turnedOff(why string) {
	t.State, t.Why, t.WayOut = Off, why, "rdd integration on "+t.Name
}

func (s *session) lookAtContext() Thing {
	t := Thing{Name: Context, State: NotApplied, Where: s.environment().ConfigDir}
	file, err := s.contextFile()
	if err != nil {
		t.trouble(NotApplied, err)
		return t
	}
	if s.Context != nil {
		file = s.Context.File
	}
	t.Where = file
	found, err := s.host.claim(file, s.Context)
	switch {
	case s.off(Context) && found != claimOurs:
		t.turnedOff("it was turned off")
	case err != nil:
		t.trouble(Damaged, err)
	case found == claimForeign:
		t.trouble(Foreign, s.foreignContext())
	case found == claimOurs:
		t.State = Applied
	case found == claimOld || found == claimEdited:
		t.State = Drifted
	}
	return t
}

func (s *session) lookAtCurrent() Thing {
	t := Thing{Name: Current, State: NotApplied, Where: s.configFile()}
	if s.Current != nil && len(s.Current.Previous) > 0 {
		t.Before = cmp.Or(s.Current.Previous[0].Name, defaultContext)
	}
	c, err := readConfig(t.Where)
	found, _ := s.host.claim(contextFile(s.environment().ConfigDir, s.host.Name), s.Context) // said for the context itself
	switch {
	case err != nil:
		t.trouble(Damaged, err)
	case c.name == s.host.Name && found != claimForeign:
		t.State = Applied
	case s.off(Current):
		t.turnedOff("it was turned off")
	case s.Current != nil:
		t.State = Drifted
		t.Why, t.WayOut = fmt.Sprintf("docker was made to use %s since", c.selected()), s.use()
	default:
		s.whyKept(&t, c)
	}
	return t
}

func (s *session) use() string { return "docker context use " + s.host.Name }

// whyKept says why docker's current context was left alone, if it is still the same.
func (s *session) whyKept(t *Thing, c config) {
	switch {
	case s.Judged.Name != c.selected() || s.Context == nil:
	case s.Judged.Kept == keptWorking:
		t.Elsewhere = true
		t.Why, t.WayOut = fmt.Sprintf("docker uses the context %s, where an engine answers", c.selected()), s.use()
	case s.Judged.Kept == keptEnvironment:
		t.Why = "DOCKER_HOST or DOCKER_CONTEXT is set in the daemon's environment"
		t.WayOut = s.use()
	}
}

func (s *session) lookAtSocket() Thing {
	t := Thing{Name: Socket, State: NotApplied, Where: s.host.Link}
	asked := slices.Contains(s.On, Socket)
	switch found := s.host.linked(); {
	case found == linkOurs:
		t.State = Applied
	case asked && found == linkForeign:
		t.trouble(Foreign, s.foreignSocket())
	case !asked:
		t.turnedOff("it is made on request only")
	}
	return t
}
