// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/containers/smokeimage"
)

// namePrefix begins the names of the smoke tests' containers.
const namePrefix = "rdd-proof-"

// smokeTest runs a container of the smoke test's image from beginning to end. It removes its own
// container and those of earlier smoke tests that were killed. Its error names the step that
// failed.
func smokeTest(ctx context.Context, e engine, timing Timing) error {
	step := func(what string, do func(context.Context) error) error {
		return within(ctx, timing.StepTimeout, what, do)
	}
	if err := step("removing what an earlier proof left", func(ctx context.Context) error { return removeLeftovers(ctx, e) }); err != nil {
		return err
	}
	if err := step("loading the image "+smokeimage.Name, func(ctx context.Context) error { return ensureImage(ctx, e) }); err != nil {
		return err
	}
	return step("running a container", func(stepCtx context.Context) error { return runSmokeContainer(ctx, stepCtx, e, timing.Cleanup) })
}

func removeLeftovers(ctx context.Context, e engine) error {
	left, err := e.leftovers(ctx)
	if err != nil {
		return err
	}
	for _, id := range left[:min(len(left), maxLeftovers)] {
		if err := e.remove(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func ensureImage(ctx context.Context, e engine) error {
	there, err := e.hasImage(ctx)
	if there || err != nil {
		return err
	}
	if err := e.load(ctx); err != nil {
		return err
	}
	there, err = e.hasImage(ctx)
	if err == nil && !there {
		return errors.New("the engine took it and does not have it")
	}
	return err
}

// runSmokeContainer runs the container and checks its exit code and output. When running it fails
// or stepCtx ends, it removes the container within the time cleanup, even if ctx has ended.
func runSmokeContainer(ctx, stepCtx context.Context, e engine, cleanup time.Duration) error {
	name := namePrefix + strings.ToLower(rand.Text()[:8])
	code, output, err := e.run(stepCtx, name)
	switch {
	case err != nil:
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
		defer cancel()
		if failed := e.remove(ctx, name); failed != nil {
			return fmt.Errorf("%w; and removing it: %w", err, failed)
		}
		return err
	case code != 0:
		return fmt.Errorf("it ended with exit code %d%s", code, quoted(output))
	case output != smokeimage.Message:
		return fmt.Errorf("it did not write what it should%s", quoted(output))
	}
	return nil
}

// quoted returns the end of a message that quotes a container's output, shortened.
func quoted(output string) string {
	const most = 200
	if output == "" {
		return " and wrote nothing"
	}
	if len(output) > most {
		output = output[:most] + "…"
	}
	return fmt.Sprintf(" and wrote %q", output)
}

// within calls do with a timeout. Its error begins with what was done, and says so when the timeout
// was the reason.
func within(ctx context.Context, most time.Duration, what string, do func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	err := do(limited)
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil && limited.Err() != nil:
		return fmt.Errorf("%s took longer than %s: %w", what, most, err)
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
}
