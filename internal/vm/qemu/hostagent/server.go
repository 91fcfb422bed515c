// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/protocol"
)

// drainTimeout bounds the wait for responses that are being written when the hostagent ends.
const drainTimeout = 2 * time.Second

// server serves ha.sock.
type server struct {
	http    *http.Server
	leaving chan struct{} // closed to end the streams of events
}

// serve begins to answer requests.
func (a *agent) serve() server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+protocol.InfoPath, a.serveInfo)
	leaving := make(chan struct{})
	mux.HandleFunc("GET "+protocol.EventsPath, func(w http.ResponseWriter, r *http.Request) { a.serveEvents(w, r, leaving) })
	mux.HandleFunc("POST "+protocol.StopPath, a.serveStop)
	mux.HandleFunc("POST "+protocol.ResumePath, func(w http.ResponseWriter, _ *http.Request) {
		a.requestResume()
		reply(w, http.StatusAccepted, struct{}{})
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := s.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
			a.Log.Error("serving the socket", "error", err)
		}
	}()
	return server{http: s, leaving: leaving}
}

// close finishes the responses that are being written and ends all connections. A stream of events
// that ends tells its client that the hostagent has ended.
func (s server) close() error {
	close(s.leaving)
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close()
	}
	return nil
}

func (a *agent) serveInfo(w http.ResponseWriter, _ *http.Request) {
	run := a.state.get()
	reply(w, http.StatusOK, protocol.Info{
		Protocol: protocol.Version, BinaryVersion: a.Version, Name: a.Dir.Name(), PID: os.Getpid(),
		StartID: run.StartID, Event: describe(run),
	})
}

// serveEvents streams the events so far and those to come.
func (a *agent) serveEvents(w http.ResponseWriter, r *http.Request, leaving <-chan struct{}) {
	history, events := a.state.listen()
	defer a.state.forget(events)
	flusher := http.NewResponseController(w)
	encoder := json.NewEncoder(w)
	for _, e := range history {
		if encoder.Encode(e) != nil {
			return
		}
	}
	for flusher.Flush() == nil {
		select {
		case <-r.Context().Done():
			return
		case <-leaving:
			drain(encoder, events)
			return
		case e, open := <-events:
			if !open || encoder.Encode(e) != nil {
				return
			}
		}
	}
}

// drain sends the events that are queued. The last of them says how the machine ended.
func drain(encoder *json.Encoder, events <-chan protocol.Event) {
	for {
		select {
		case e, open := <-events:
			if !open || encoder.Encode(e) != nil {
				return
			}
		default:
			return
		}
	}
}

// serveStop begins a stop. When the response is sent, run.json says that the machine is stopping.
func (a *agent) serveStop(w http.ResponseWriter, r *http.Request) {
	var request protocol.StopRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&request); err != nil {
		http.Error(w, "the request cannot be understood: "+err.Error(), http.StatusBadRequest)
		return
	}
	mode := vm.StopMode(request.Mode)
	if mode != vm.StopShutdown && mode != vm.StopForce {
		http.Error(w, "unknown stop mode "+request.Mode, http.StatusBadRequest)
		return
	}
	a.requestStop(mode)
	reply(w, http.StatusAccepted, struct{}{})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone
}
