// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// State of a setting.
type State string

const (
	// Applied: the setting is as rdd makes it.
	Applied State = "applied"
	// NotApplied: rdd has not made it. Setting.Why is the reason where there is one.
	NotApplied State = "not applied"
	// Off: it was turned off, or is made on request only.
	Off State = "off"
	// Drifted: rdd made it and somebody has changed it since.
	Drifted State = "drifted"
	// Foreign: what is in its place was made by somebody else.
	Foreign State = "foreign"
	// Damaged: the file that holds it cannot be read.
	Damaged State = "damaged"
)

// Setting is one of the host settings that rdd changes, as it is now.
type Setting struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	// Where is the path of the file that holds it.
	Where string `json:"where"`
	// Before is the value before rdd changed it; empty where that is not known or of no use.
	Before string `json:"before,omitempty"`
	// Why it is not applied although nothing is wrong.
	Why string `json:"why,omitempty"`
	// Problem is what is wrong. Remedy is what to do about it; without a Problem, how to apply the
	// setting.
	Problem string `json:"problem,omitempty"`
	Remedy  string `json:"wayOut,omitempty"`
	// OtherEngine says that docker's current context was left alone because an engine answers there.
	OtherEngine bool `json:"-"`
}

// Remark is the problem or the reason, and what to do, on one line; empty when there is neither.
func (t Setting) Remark() string {
	text := cmp.Or(t.Problem, t.Why)
	switch {
	case text == "":
		return ""
	case t.Remedy == "":
		return text
	case t.Problem == "":
		return text + "; to have it otherwise: " + t.Remedy
	default:
		return text + "; " + t.Remedy
	}
}

// List reads all settings. It changes nothing and takes no lock. The error says that the record
// could not be read.
func (h *Host) List() ([]Setting, error) {
	r, err := readRecord(h.Record)
	if err != nil {
		return nil, err
	}
	tx := &transaction{host: h, record: r}
	if r.isEmpty() {
		tx.adopt()
	}
	settings := []Setting{tx.inspectContext(), tx.inspectCurrent(), tx.inspectSocket()}
	for i := range settings {
		tx.explain(&settings[i])
	}
	return settings, nil
}

// explain adds the problem of the last Apply to a setting that has none of its own.
func (tx *transaction) explain(t *Setting) {
	i := slices.IndexFunc(tx.Problems, func(p Problem) bool { return p.Name == t.Name })
	if i >= 0 && t.Problem == "" && t.State != Applied {
		t.Problem, t.Remedy = tx.Problems[i].What, tx.Problems[i].Remedy
	}
}

// fail gives a setting the state, and the problem that err is.
func (t *Setting) fail(state State, err error) {
	var p *Problem
	if errors.As(err, &p) {
		t.State, t.Problem, t.Remedy = state, p.What, p.Remedy
	} else {
		t.State, t.Problem = state, err.Error()
	}
}

// turnedOff gives a setting the state Off, the reason, and how to turn it on.
func (t *Setting) turnedOff(why string) {
	t.State, t.Why, t.Remedy = Off, why, "rdd integration on "+t.Name
}

func (tx *transaction) inspectContext() Setting {
	t := Setting{Name: Context, State: NotApplied, Where: tx.environment().ConfigDir}
	file, err := tx.contextFile()
	if err != nil {
		t.fail(NotApplied, err)
		return t
	}
	if tx.Context != nil {
		file = tx.Context.File
	}
	t.Where = file
	found, err := tx.host.claim(file, tx.Context)
	switch {
	case tx.off(Context) && found != claimOurs:
		t.turnedOff("it was turned off")
	case err != nil:
		t.fail(Damaged, err)
	case found == claimForeign:
		t.fail(Foreign, tx.foreignContext())
	case found == claimOurs:
		t.State = Applied
	case found == claimOld || found == claimEdited:
		t.State = Drifted
	}
	return t
}

func (tx *transaction) inspectCurrent() Setting {
	t := Setting{Name: Current, State: NotApplied, Where: tx.configFile()}
	if tx.Current != nil && len(tx.Current.Previous) > 0 {
		t.Before = cmp.Or(tx.Current.Previous[0].Name, defaultContext)
	}
	c, err := readConfig(t.Where)
	found, _ := tx.host.claim(contextFile(tx.environment().ConfigDir, tx.host.Name), tx.Context) // said for the context itself
	switch {
	case err != nil:
		t.fail(Damaged, err)
	case c.name == tx.host.Name && found != claimForeign:
		t.State = Applied
	case tx.off(Current):
		t.turnedOff("it was turned off")
	case tx.Current != nil:
		t.State = Drifted
		t.Why, t.Remedy = fmt.Sprintf("docker was made to use %s since", c.selected()), tx.use()
	default:
		tx.whyKept(&t, c)
	}
	return t
}

// use is the command that makes ours the current context.
func (tx *transaction) use() string { return "docker context use " + tx.host.Name }

// whyKept says why docker's current context was left alone, if it is still the same one.
func (tx *transaction) whyKept(t *Setting, c config) {
	switch {
	case tx.Decision.Name != c.selected() || tx.Context == nil:
	case tx.Decision.Kept == keptWorking:
		t.OtherEngine = true
		t.Why, t.Remedy = fmt.Sprintf("docker uses the context %s, where an engine answers", c.selected()), tx.use()
	case tx.Decision.Kept == keptEnvironment:
		t.Why = "DOCKER_HOST or DOCKER_CONTEXT is set in the daemon's environment"
		t.Remedy = tx.use()
	}
}

func (tx *transaction) inspectSocket() Setting {
	t := Setting{Name: Socket, State: NotApplied, Where: tx.host.Link}
	asked := slices.Contains(tx.On, Socket)
	switch found := tx.host.linked(); {
	case found == linkOurs:
		t.State = Applied
	case asked && found == linkForeign:
		t.fail(Foreign, tx.foreignSocket())
	case !asked:
		t.turnedOff("it is made on request only")
	}
	return t
}
